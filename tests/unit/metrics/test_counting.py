"""Figures that only Temporal knows: how often it is asked, and what is shown if it fails."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from support.waiting import assert_eventually
from temporalio.api.taskqueue.v1 import TaskQueueStats
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.service import RPCError, RPCStatusCode

from hookwright import metrics
from runtime.dev import free_port
from runtime.metrics import Counting
from runtime.metrics.sdk import SdkMetrics

FIGURES = (
    *(metrics.DELIVERIES, metrics.ENDPOINTS, metrics.ENDPOINT_HEALTHS, metrics.TENANTS),
    *(metrics.TASKS_WAITING, metrics.OLDEST_TASKS),
)
VISIBILITY_CALLS, QUEUE_CALLS = 9, 10


class FakeTemporal:
    """Counts 7 of everything; refuses what a test names."""

    namespace = "default"

    def __init__(self) -> None:
        self.workflow_service = self
        self.refused = "nothing"
        self.asked: list[str] = []
        self.stats: TaskQueueStats | None = TaskQueueStats(approximate_backlog_count=7)

    async def count_workflows(self, query: str, **_: Any) -> SimpleNamespace:
        self.asked.append(query)
        if self.refused in query:
            raise RPCError("too many", RPCStatusCode.RESOURCE_EXHAUSTED, b"")
        return SimpleNamespace(count=7)

    async def describe_task_queue(
        self, request: DescribeTaskQueueRequest, **_: Any
    ) -> DescribeTaskQueueResponse:
        self.asked.append(request.task_queue.name)
        return DescribeTaskQueueResponse(stats=self.stats)


@pytest.fixture
def temporal() -> Iterator[FakeTemporal]:
    """Provide a Temporal, and forget what it was asked for."""
    yield FakeTemporal()
    for figure in FIGURES:
        for family in figure.collect():
            for sample in family.samples:
                figure.set([sample.labels[label] for label in figure.labels], None)


def values(figure: metrics.Figure) -> dict[tuple[str, ...], float]:
    [family] = figure.collect()
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


def counting(temporal: Any) -> Counting:
    return Counting(temporal, "hookwright", pause_seconds=0.0)


async def test_asks_once_and_then_waits(temporal):
    """One round asks 19 times; nothing is asked again within the minute."""
    running = asyncio.create_task(counting(temporal).run())
    await assert_eventually(lambda: len(temporal.asked) >= VISIBILITY_CALLS + QUEUE_CALLS)
    done, _ = await asyncio.wait([running], timeout=0.05)
    running.cancel()
    assert not done
    assert len(temporal.asked) == len({*temporal.asked}) + 5 == VISIBILITY_CALLS + QUEUE_CALLS
    assert values(metrics.DELIVERIES) == {("pending",): 7, ("held",): 7}
    assert values(metrics.TENANTS) == {(): 7}


async def test_what_is_refused_is_absent(temporal):
    """A figure that could not be counted is gone, and the others stay."""
    await counting(temporal).count()
    temporal.refused = "DeliveryState = 'held'"
    await counting(temporal).count()
    assert values(metrics.DELIVERIES) == {("pending",): 7}
    assert len(values(metrics.ENDPOINTS)) == 3
    temporal.refused = "nothing"
    await counting(temporal).count()
    assert len(values(metrics.DELIVERIES)) == 2


async def test_a_server_without_figures_of_queues(temporal):
    """A Temporal that does not tell how many tasks wait has none of these figures."""
    temporal.stats = None
    await counting(temporal).count()
    assert values(metrics.TASKS_WAITING) == {}
    assert values(metrics.OLDEST_TASKS) == {}


async def test_the_sdk_does_not_answer():
    """A scrape lacks the SDK's metrics then, and is there all the same."""
    runtime: Any = None
    assert await SdkMetrics(runtime, free_port()).text() == b""
