"""What a worker is told when its process starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from temporalio.common import WorkerDeploymentVersion

from activities.egress import Proxy
from activities.notify import MailServer
from hookwright.contracts import Contracts
from hookwright.security import DestinationPolicy


@dataclass(frozen=True)
class WorkerConfig:
    """A worker's configuration, made from the settings when the process starts.

    `proxy` and `authorities` (PEM) are used for requests to receivers. `operator_tenant` gets a
    copy of every tenant's operational events. Without a `mail_server` no mails are sent. Messages
    to people link to the portal at `portal_url`. Without a `version` the worker takes part in every
    deployment, as all workers without one do.
    """

    task_queue: str
    destinations: DestinationPolicy
    contracts: Contracts
    proxy: Proxy | None = None
    authorities: str | None = None
    operator_tenant: str | None = None
    mail_server: MailServer | None = None
    portal_url: str | None = None
    webhook_headers: Mapping[str, str] = field(default_factory=dict)
    version: WorkerDeploymentVersion | None = None
