"""Versions of workers: which build runs workflows, and how another one becomes current.

Temporal calls the workers of one application a deployment, and those of one build of it a version
(docs/upgrading.md, docs/decisions/0036-worker-versioning.md).
"""

import asyncio
import time
from dataclasses import dataclass

import structlog
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

from hookwright.temporal import RPC_TIMEOUT
from runtime.errors import CommandError

RETRY_SECONDS = 0.5
ALL = 100.0

NOT_YET = (
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
)
"""What Temporal answers while a version's workers start, or do not yet poll every task queue."""


log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Routing:
    """Where a deployment's work goes. No build id means workers without a version."""

    current: str | None = None
    ramping: str | None = None
    percent: float = 0.0

    def __str__(self) -> str:
        """Return it in words."""
        current = f"build {self.current} is current" if self.current else "no build is current"
        if not self.percent:
            return current
        ramping = f"build {self.ramping}" if self.ramping else "workers without a build"
        return f"{current}, and {ramping} gets {self.percent:g}% of the workflows"


def deployment_name(task_queue: str) -> str:
    """Return the deployment's name: one for all task queues that are named after this one.

    Temporal allows no full stop and no colon in it.
    """
    return task_queue.replace(".", "-").replace(":", "-")


def worker_version(task_queue: str, build_id: str | None) -> WorkerDeploymentVersion | None:
    """Return a worker's version, or None if it has none."""
    return WorkerDeploymentVersion(deployment_name(task_queue), build_id) if build_id else None


def deployment_config(version: WorkerDeploymentVersion | None) -> WorkerDeploymentConfig | None:
    """Return what the SDK's workers are told about their version.

    Every workflow goes on in the version that is current: the histories of older versions replay in
    any case, and an entity that is pinned would need its old worker for as long as it is idle.
    """
    if version is None:
        return None
    return WorkerDeploymentConfig(
        version,
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def routing_of(client: Client, deployment: str) -> Routing:
    """Return where a deployment's work goes. One that Temporal does not know has no version."""
    try:
        answer = await client.workflow_service.describe_worker_deployment(
            DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment),
            timeout=RPC_TIMEOUT,
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return Routing()
        raise
    config = answer.worker_deployment_info.routing_config
    return Routing(
        config.current_deployment_version.build_id or None,
        config.ramping_deployment_version.build_id or None,
        config.ramping_version_percentage,
    )


async def log_routing(client: Client, version: WorkerDeploymentVersion) -> None:
    """Log whether this build gets work; if it gets none, with the command that changes it."""
    try:
        routing = await routing_of(client, version.deployment_name)
    except RPCError as error:
        log.warning("worker.version_unknown", build_id=version.build_id, reason=error.message)
        return
    if version.build_id in (routing.current, routing.ramping):
        log.info("worker.version", build_id=version.build_id, routing=str(routing))
    else:
        log.warning(
            "worker.not_current",
            build_id=version.build_id,
            routing=str(routing),
            remedy=f"this worker gets no work until `hookwright promote {version.build_id}`",
        )


async def promote(
    client: Client, deployment: str, build_id: str | None, percent: float, wait_seconds: float
) -> None:
    """Let a build run all workflows, or a share of them. None means workers without a version.

    Waits until the build's workers poll every task queue that the current one's do.

    Raises:
        CommandError: Temporal refuses, or the build's workers did not poll in time.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            await _route(client, deployment, build_id, percent)
        except RPCError as error:
            if error.status not in NOT_YET or time.monotonic() > deadline:
                setting = f"HOOKWRIGHT_WORKER_BUILD_ID={build_id}" if build_id else "no build id"
                raise CommandError(
                    f"Temporal refused: {error.message}; do workers with {setting} run?"
                ) from error
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


async def _route(client: Client, deployment: str, build_id: str | None, percent: float) -> None:
    """Ask Temporal once to let a build run all workflows, or a share of them."""
    if percent < ALL:
        await client.workflow_service.set_worker_deployment_ramping_version(
            SetWorkerDeploymentRampingVersionRequest(
                namespace=client.namespace,
                deployment_name=deployment,
                build_id=build_id or "",
                percentage=percent,
            ),
            timeout=RPC_TIMEOUT,
        )
    else:
        await client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=client.namespace,
                deployment_name=deployment,
                build_id=build_id or "",
            ),
            timeout=RPC_TIMEOUT,
        )
