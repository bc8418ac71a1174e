"""Routes for liveness and readiness probes."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
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
    """Say whether Temporal can be reached, the keys are right, and a worker is running."""
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
    if not any(poller.last_access_time.ToDatetime(UTC) > oldest for poller in queue.pollers):
        raise unavailable(
            "no worker is running; events are accepted, and delivered when a worker runs"
        )
    return ProbeRead(status="ok")
