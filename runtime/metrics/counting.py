"""Figures that only Temporal knows: deliveries, endpoints and tenants, and tasks that wait.

They are counted now and then and not at each scrape, because a Temporal server answers few calls
to visibility, which all lists share.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowExecutionStatus

from hookwright import metrics
from hookwright.ids import deliveries_queue, entities_queue, notifications_queue, slow_lane
from hookwright.outcomes import Colour, DeliveryState, EndpointStatus
from hookwright.temporal import (
    DELIVERY_STATE,
    ENDPOINT_HEALTH,
    ENDPOINT_STATUS,
    RPC_TIMEOUT,
    WorkflowType,
    attribute_is,
    attribute_unset,
    executions_of,
    has_status,
)

EVERY_SECONDS = 60.0
PAUSE_SECONDS = 0.5
"""Between two calls, so that lists find room between them: a production server answers 10 calls to
visibility a second."""

Found = TypeVar("Found")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Counting:
    """Counts, for as long as it runs. What cannot be counted is unknown until it can."""

    client: Client
    task_queue: str
    pause_seconds: float = PAUSE_SECONDS

    async def run(self) -> None:
        """Count now and then, until cancelled."""
        while True:
            await self.count()
            await asyncio.sleep(EVERY_SECONDS)

    async def count(self) -> None:
        """Count everything once."""
        for count in self._counts():
            await count
            await asyncio.sleep(self.pause_seconds)

    def _counts(self) -> Iterator[Awaitable[None]]:
        for state, condition in (
            (DeliveryState.PENDING, attribute_unset(DELIVERY_STATE)),
            (DeliveryState.HELD, attribute_is(DELIVERY_STATE, DeliveryState.HELD)),
        ):
            yield self._running(metrics.DELIVERIES, [state], WorkflowType.DELIVERY, condition)
        for status in EndpointStatus:
            condition = attribute_is(ENDPOINT_STATUS, status)
            yield self._running(metrics.ENDPOINTS, [status], WorkflowType.ENDPOINT, condition)
        for health in Colour:
            condition = attribute_is(ENDPOINT_HEALTH, health)
            yield self._running(
                metrics.ENDPOINT_HEALTHS, [health], WorkflowType.ENDPOINT, condition
            )
        yield self._running(metrics.TENANTS, [], WorkflowType.TENANT)
        for role, name in self._task_queues().items():
            yield self._tasks(role, name, "workflow", TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
            yield self._tasks(role, name, "activity", TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)

    def _task_queues(self) -> dict[str, str]:
        deliveries = deliveries_queue(self.task_queue)
        return {
            "events": self.task_queue,
            "deliveries": deliveries,
            "deliveries_slow": slow_lane(deliveries),
            "entities": entities_queue(self.task_queue),
            "notifications": notifications_queue(self.task_queue),
        }

    async def _running(
        self,
        figure: metrics.Figure,
        label_values: list[str],
        workflow_type: WorkflowType,
        condition: str = "",
    ) -> None:
        query = executions_of(workflow_type, has_status(WorkflowExecutionStatus.RUNNING), condition)
        found = await _known(
            figure.name, lambda: self.client.count_workflows(query, rpc_timeout=RPC_TIMEOUT)
        )
        figure.set(label_values, None if found is None else found.count)

    async def _tasks(
        self, role: str, name: str, kind: str, queue_type: TaskQueueType.ValueType
    ) -> None:
        request = DescribeTaskQueueRequest(
            namespace=self.client.namespace,
            task_queue=TaskQueue(name=name),
            task_queue_type=queue_type,
            report_stats=True,
        )
        found = await _known(
            metrics.TASKS_WAITING.name,
            lambda: self.client.workflow_service.describe_task_queue(request, timeout=RPC_TIMEOUT),
        )
        waiting, since = None, None
        if found and found.HasField("stats"):  # older servers have none
            waiting = found.stats.approximate_backlog_count
            age = found.stats.approximate_backlog_age.ToTimedelta().total_seconds()
            since = time.time() - age if waiting else None
        metrics.TASKS_WAITING.set([role, kind], waiting)
        metrics.OLDEST_TASKS.set([role, kind], since)


async def _known(figure: str, call: Callable[[], Awaitable[Found]]) -> Found | None:
    """Return what a call to Temporal finds, or None."""
    try:
        return await call()
    except Exception as error:  # noqa: BLE001 - counting must end nothing else
        log.warning("metrics.not_counted", figure=figure, error=str(error))
        return None
