"""Alive, and ready."""

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
"""A worker's poll lasts a minute; Temporal remembers workers that have gone for some minutes."""

router = APIRouter(tags=["health"])


class ProbeRead(BaseModel):
    """All is well."""

    status: Literal["ok"]


@router.get("/healthz", responses={431: responses()[431]})
async def healthz() -> ProbeRead:
    """Tell that this process answers."""
    return ProbeRead(status="ok")


@router.get("/readyz", responses={code: responses()[code] for code in (431, 503)})
async def readyz(state: AppStateDependency) -> ProbeRead:
    """Tell whether Temporal is reachable and a worker polls."""
    client = state.client
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
        raise unavailable("no worker polls; events are accepted, and delivered when one does")
    return ProbeRead(status="ok")
