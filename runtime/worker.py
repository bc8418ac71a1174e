"""The worker: registers workflows and activities, and runs."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from activities.attempt import Attempts
from activities.egress import Egress
from activities.endpoints import Endpoints
from activities.entities import Entities
from activities.erasure import Erasures
from activities.fan_out import FanOuts
from activities.notices import Notices
from activities.posting import Posting
from activities.proxied_network import Proxy
from activities.recoveries import Recoveries
from activities.releases import Releases
from activities.reporter import Reporter
from activities.telling import Telling
from hookwright.contracts import Contract
from hookwright.destinations import DestinationPolicy
from workflows.delivery import Delivery
from workflows.endpoint import Endpoint
from workflows.event import Event
from workflows.event_types import EventTypes
from workflows.recovery import Recovery
from workflows.tenant import Tenant
from workflows.trial import Trial

WORKFLOWS = [Tenant, Endpoint, Event, Delivery, Trial, Recovery, EventTypes]

IN_FLIGHT = 500
"""First attempts under way at once. Each holds a workflow task for as long as its receiver takes,
so the SDK's default of 100 would let a hundred slow receivers stop everybody's deliveries."""

DRAIN = timedelta(seconds=65)
"""On shutdown, POSTs in flight may end: the longest timeout of an endpoint, and 5 s."""

HEARTBEATS_APART = timedelta(seconds=1)
"""The SDK tells Temporal of heartbeats no more often. The answer brings a cancellation: a recovery
halts within 2 s. What beats all the time beats no faster than it must (`activities.attempt`)."""

STICKY_TIMEOUT = timedelta(seconds=3)
"""How long a task waits for the worker that has the workflow cached, which may have been killed."""


@asynccontextmanager
async def worker(  # noqa: PLR0913 - what a worker is told
    client: Client,
    destinations: DestinationPolicy,
    contracts: Mapping[str, Contract],
    task_queue: str,
    workflow_runner: WorkflowRunner | None = None,
    proxy: Proxy | None = None,
    authorities: str | None = None,
    operator_tenant: str | None = None,
) -> AsyncIterator[Worker]:
    """Run a worker while the context lasts.

    Workflows run unsandboxed by default: the sandbox costs about 5 ms of CPU a run, and the tests
    run inside it.
    """
    async with (
        Egress(destinations, proxy=proxy, authorities=authorities) as egress,
        Reporter(client) as reporter,
        Worker(
            client,
            task_queue=task_queue,
            workflows=WORKFLOWS,
            activities=activities(
                client, Posting(egress, contracts), reporter, Notices(client, operator_tenant)
            ),
            workflow_runner=workflow_runner or UnsandboxedWorkflowRunner(),
            max_cached_workflows=2 * IN_FLIGHT,
            max_concurrent_workflow_tasks=IN_FLIGHT,
            max_concurrent_local_activities=IN_FLIGHT,
            max_concurrent_activities=IN_FLIGHT,
            graceful_shutdown_timeout=DRAIN,
            max_heartbeat_throttle_interval=HEARTBEATS_APART,
            sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        ) as running,
    ):
        yield running


def activities(
    client: Client, posting: Posting, reporter: Reporter, notices: Notices
) -> list[Callable[..., Any]]:
    """Return the activities, bound to what they need."""
    endpoints = Endpoints(client)
    telling = Telling(reporter, endpoints, posting)
    attempts = Attempts(client, endpoints, posting, telling)
    entities = Entities(client)
    releases = Releases(client, endpoints)
    return [
        FanOuts(client).fan_out,
        Erasures(client).erase_tenant,
        attempts.attempt,
        attempts.retry,
        attempts.leave,
        attempts.try_out,
        attempts.recorded_log,
        attempts.cancel_workflow,
        entities.register_route,
        entities.unregister_route,
        entities.delete_endpoints,
        entities.cancel_deliveries,
        releases.probe,
        releases.release,
        releases.expire,
        releases.end_held,
        releases.count_held,
        notices.publish,
        Recoveries(client, endpoints).recover,
    ]
