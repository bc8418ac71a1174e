"""Routes for liveness and readiness probes."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from temporalio.api.enums.v1 import TaskQueueType, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from api.access import AppStateDependency
from api.http import responses, unavailable
from hookwright.temporal import RPC_TIMEOUT

POLLED_WITHIN = timedelta(seconds=70)
"""A poll of a worker lasts a minute. Temporal lists workers for some minutes after they have gone,
so a worker counts only if its last poll began within this time."""

router = APIRouter(tags=["health"])


class ProbeRead(BaseModel):
    """The probe has succeeded."""

    status: Literal["ok"]


@router.get("/healthz", responses={431: responses()[431]})
async def healthz() -> ProbeRead:
    """Say that this process answers."""
    return ProbeRead(status="ok")


@router.get("/readyz", responses={code: responses()[code] for code in (431, 503)})
async def readyz(state: AppStateDependency) -> ProbeRead:
    """Say whether Temporal is reached, the keys are right, and a worker that gets work runs."""
    client = state.client
    if not state.config.codec.checked:
        raise unavailable("the encryption keys are not compared yet with those of what is stored")
    queue = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=state.config.task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        ),
        timeout=RPC_TIMEOUT,
    )
    oldest = datetime.now(UTC) - POLLED_WITHIN
    builds = {
        _build(poller)
        for poller in queue.pollers
        if poller.last_access_time.ToDatetime(UTC) > oldest
    }
    current = queue.versioning_info.current_deployment_version.build_id
    if not builds:
        raise unavailable(
            "no worker is running; events are accepted, and delivered when a worker runs"
        )
    if current not in builds:
        raise unavailable(
            f"no worker of the current build is running ({current or 'none is current'});"
            " start one, or make another build current: `hookwright promote`"
        )
    return ProbeRead(status="ok")


def _build(poller: PollerInfo) -> str:
    """Return the build of the worker that polls; it is empty if the worker has no version."""
    options = poller.deployment_options
    versioned = (
        options.worker_versioning_mode == WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
    )
    return options.build_id if versioned else ""
