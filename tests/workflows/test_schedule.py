"""A delivery's schedule, on a server that skips time."""

import pytest
from support.fakes import DELIVERED, Deliver, FakeEgress, FakeEndpoints, endpoint, failed
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from hookwright.models import DeliveryLog
from hookwright.outcomes import DeliveryState

STANDARD_DELAYS = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
TIMER_RESOLUTION = 1.0


async def test_standard_schedule_runs_out_after_75_hours(deliver: Deliver) -> None:
    """Ten attempts, each gap within 10 % of the published table, then exhausted with the log."""
    egress = FakeEgress(lambda _: failed(500))
    handle = await deliver(egress, FakeEndpoints(endpoint()))
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert failure.value.cause.type == "exhausted"
    log = DeliveryLog.model_validate(failure.value.cause.details[0])
    assert log.state is DeliveryState.EXHAUSTED
    assert [attempt.number for attempt in log.attempts] == list(range(1, 11))
    assert len(egress.times) == 10
    for gap, delay in zip(egress.gaps(), STANDARD_DELAYS, strict=True):
        assert 0.9 * delay <= gap <= 1.1 * delay + TIMER_RESOLUTION
    hours = (egress.times[-1] - egress.times[0]).total_seconds() / 3600
    assert 0.9 * 75.5 <= hours <= 1.1 * 75.6


async def test_own_table_is_followed_exactly(deliver: Deliver) -> None:
    """An endpoint's own doubled delays are kept to a second, without jitter."""
    retry = {"strategy": "exponential", "max_retries": 3, "delay_seconds": 60}
    egress = FakeEgress(lambda _: failed(503))
    handle = await deliver(egress, FakeEndpoints(endpoint(retry=retry)))
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert egress.gaps() == pytest.approx([60, 120, 240], abs=TIMER_RESOLUTION)


async def test_retry_after_delays_but_never_hastens(deliver: Deliver) -> None:
    """Retry-After stretches a delay up to a day; one shorter than the schedule's is ignored."""
    asked = {1: "3600", 2: "1", 3: "999999999"}
    retry = {"schedule_seconds": [10, 10, 10]}
    egress = FakeEgress(lambda n: failed(429, asked.get(n)))
    handle = await deliver(egress, FakeEndpoints(endpoint(retry=retry)))
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert egress.gaps() == pytest.approx([3600, 10, 86400], abs=TIMER_RESOLUTION)


async def test_changed_url_is_used_by_the_next_retry(deliver: Deliver) -> None:
    """A delivery that waits goes to the URL that the endpoint has when it wakes."""
    endpoints = FakeEndpoints(endpoint())

    def change_after_first(number: int) -> object:
        endpoints.state = endpoint(url="https://moved.example.com/in")
        return failed(500) if number == 1 else DELIVERED

    egress = FakeEgress(change_after_first)
    handle = await deliver(egress, endpoints)
    log = await handle.result()
    assert log.state is DeliveryState.DELIVERED
    assert egress.urls == ["https://hooks.example.com/in", "https://moved.example.com/in"]


async def test_delivered_at_last_attempt(deliver: Deliver) -> None:
    """Success on the tenth attempt completes the delivery with all ten recorded."""
    egress = FakeEgress(lambda n: DELIVERED if n == 10 else failed(500))
    handle = await deliver(egress, FakeEndpoints(endpoint()))
    log = await handle.result()
    assert (log.state, len(log.attempts)) == (DeliveryState.DELIVERED, 10)


async def test_our_own_fault_costs_no_attempt(deliver: Deliver) -> None:
    """An internal fault is retried outside the receiver's schedule and is not in the log."""
    faults = iter([RuntimeError("ours"), RuntimeError("ours again")])

    def answer(_: int) -> object:
        for fault in faults:
            raise fault
        return DELIVERED

    handle = await deliver(FakeEgress(answer), FakeEndpoints(endpoint()))
    log = await handle.result()
    assert [attempt.number for attempt in log.attempts] == [1]


async def test_deleted_endpoint_cancels_the_delivery(deliver: Deliver) -> None:
    """A delivery whose endpoint is gone at its next attempt ends cancelled, its log kept."""
    endpoints = FakeEndpoints(endpoint())

    def delete_after_first(_: int) -> object:
        endpoints.state = None
        return failed(500)

    egress = FakeEgress(delete_after_first)
    handle = await deliver(egress, endpoints)
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, CancelledError)
    assert len(egress.times) == 1
    log = await (await handle.describe()).memo_value("attempts", type_hint=DeliveryLog)
    assert [attempt.status_code for attempt in log.attempts] == [500]
