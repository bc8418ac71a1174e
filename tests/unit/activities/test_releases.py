"""Held deliveries are found in the order of acceptance, however many there are."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from support.held import FakeVisibility
from temporalio.api.workflow.v1 import WorkflowExecutionInfo

from hookwright.temporal import Order, Place, oldest_first

MOST_CALLS = 25
"""To find the first of fifty thousand, of which visibility lists the last accepted first."""


@pytest.mark.parametrize("held", [0, 1, 199, 201, 3_000])
@pytest.mark.parametrize("days", [0, 0.001, 30])
async def test_all_in_the_order_of_acceptance(held: int, days: float) -> None:
    """Every held delivery is found once, the first accepted first, also if all came at once."""
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(days=30)
    draw = random.Random(held)
    times = sorted(began + timedelta(seconds=draw.random() * days * 86_000) for _ in range(held))
    visibility = FakeVisibility(times)
    found = [row async for row in oldest_first(visibility, "Held", visibility.order)]
    assert [row.time for row in found] == times
    assert len({row.workflow_id for row in found}) == held


async def test_the_first_of_many_cost_few_calls() -> None:
    """The first of thousands cost some calls, though visibility lists the last ones first."""
    began = datetime(2026, 1, 15, tzinfo=UTC)
    visibility = FakeVisibility([began + timedelta(seconds=number) for number in range(10_000)])
    found = []
    async for row in oldest_first(visibility, "Held", visibility.order):
        found.append(row.time)
        if len(found) == 50:
            break
    assert found == visibility.accepted[:50]
    assert visibility.calls <= MOST_CALLS


async def test_from_a_time_on() -> None:
    """Reading goes on from a time, which counts: what came before is not read again."""
    began = datetime(2026, 1, 15, tzinfo=UTC)
    visibility = FakeVisibility([began + timedelta(seconds=number) for number in range(500)])
    since = visibility.accepted[123]
    found = [row.time async for row in oldest_first(visibility, "Held", visibility.order, since)]
    assert found == visibility.accepted[123:]


def test_a_place_is_written_exactly() -> None:
    """The conditions name the time to the microsecond, in the direction of the order."""
    info = WorkflowExecutionInfo(status=1)
    info.execution_time.FromNanoseconds(1_790_000_000_123_456_000)
    info.execution.run_id = "r1"
    order = Order.OLDEST_DUE_FIRST
    place = order.row(info).place
    assert order.between(place, Place(2**63 - 1, "")) == (
        " AND (ExecutionTime < '2026-09-21T14:13:20.123456000Z'"
        " OR (ExecutionTime = '2026-09-21T14:13:20.123456000Z' AND RunId >= 'r1'))"
    )
