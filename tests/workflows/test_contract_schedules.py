"""Every published retry table, on a server that skips time."""

import pytest
from support.fakes import DELIVERED, Deliver, FakeEgress, FakeEndpoints, endpoint, failed
from temporalio.client import WorkflowFailureError

from activities.egress import Answer
from hookwright.models import DeliveryLog
from hookwright.outcomes import DeliveryState, Outcome

TIMER_RESOLUTION = 1.0

# Written down from the documents a second time, so that a slip in a contract's file shows.
MINUTE, HOUR = 60, 3600
TABLES = {
    "reflow": [MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 24 * HOUR],
    "plain": [MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR],
    "cr3dentials": [1, 2, 4, 8, 16],
    "clearway": [1, 5, 25, 125, 10 * MINUTE],
    "dossier": [60, 120, 240],
}
TIMEOUTS = {"cr3dentials": 10, "clearway": 30}
DOSSIER_POLICIES = {
    "exponential": ({"max_retries": 3, "delay_seconds": 60}, [60, 120, 240]),
    "fixed": ({"max_retries": 5, "delay_seconds": 300}, [300] * 5),
}
TIMED_OUT = Answer(Outcome.TIMEOUT, error="no answer within 30 s")
UNREACHABLE = Answer(Outcome.CONNECTION_ERROR, error="connection refused")
FAILURES = {
    **{str(status): failed(status) for status in (301, 404, 429, 500, 599)},
    "timeout": TIMED_OUT,
    "connection": UNREACHABLE,
}
ENDS_AT_ONCE = {
    "reflow": set(),
    "plain": {"301"},
    "cr3dentials": set(),
    "clearway": {"301", "404", "429"},
    "dossier": set(),
}
HONOURS_RETRY_AFTER = {
    "reflow": True, "plain": True, "cr3dentials": False, "clearway": False, "dossier": True,
}  # fmt: skip


async def exhausted(deliver: Deliver, egress: FakeEgress, **config: object) -> DeliveryLog:
    """Deliver until the attempts run out, and return the log."""
    handle = await deliver(egress, FakeEndpoints(endpoint(**config)))
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert failure.value.cause.type == "exhausted"
    return DeliveryLog.model_validate(failure.value.cause.details[0])


@pytest.mark.parametrize("contract", TABLES)
async def test_published_table(deliver: Deliver, contract: str) -> None:
    """Attempts come when the document says, to a second; after the last the delivery ends."""
    egress = FakeEgress(lambda _: failed(500))
    log = await exhausted(deliver, egress, contract=contract)
    assert egress.gaps() == pytest.approx(TABLES[contract], abs=TIMER_RESOLUTION)
    assert log.state is DeliveryState.EXHAUSTED
    assert [attempt.number for attempt in log.attempts] == list(range(1, len(egress.times) + 1))


@pytest.mark.parametrize("contract", TIMEOUTS)
async def test_published_timeout(deliver: Deliver, contract: str) -> None:
    """Each attempt may take as long as the document says, the first one and the retries."""
    egress = FakeEgress(lambda number: TIMED_OUT if number < 3 else DELIVERED)
    await (await deliver(egress, FakeEndpoints(endpoint(contract=contract)))).result()
    assert egress.timeouts == [TIMEOUTS[contract]] * 3


@pytest.mark.parametrize("contract", TABLES)
async def test_delivered_at_the_last_chance(deliver: Deliver, contract: str) -> None:
    """Success at the very last attempt of a table is a delivery."""
    last = len(TABLES[contract]) + 1
    egress = FakeEgress(lambda n: DELIVERED if n == last else UNREACHABLE)
    log = await (await deliver(egress, FakeEndpoints(endpoint(contract=contract)))).result()
    assert (log.state, len(log.attempts)) == (DeliveryState.DELIVERED, last)


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("contract", TABLES)
async def test_what_is_retried(deliver: Deliver, contract: str, name: str) -> None:
    """A failure that the document does not retry ends the delivery; any other is tried again."""
    egress = FakeEgress(lambda n: FAILURES[name] if n == 1 else DELIVERED)
    if name in ENDS_AT_ONCE[contract]:
        log = await exhausted(deliver, egress, contract=contract)
        assert [attempt.status_code for attempt in log.attempts] == [int(name)]
    else:
        log = await (await deliver(egress, FakeEndpoints(endpoint(contract=contract)))).result()
        assert [attempt.outcome for attempt in log.attempts] == [
            FAILURES[name].outcome,
            Outcome.DELIVERED,
        ]


@pytest.mark.parametrize("contract", TABLES)
async def test_no_retry_in_the_middle_of_a_table(deliver: Deliver, contract: str) -> None:
    """What is not retried ends a delivery at any attempt, not only at the first."""
    egress = FakeEgress(lambda n: failed(500) if n == 1 else failed(301))
    log = await exhausted(deliver, egress, contract=contract)
    ends = "301" in ENDS_AT_ONCE[contract]
    assert len(log.attempts) == (2 if ends else len(TABLES[contract]) + 1)


@pytest.mark.parametrize("contract", TABLES)
async def test_retry_after(deliver: Deliver, contract: str) -> None:
    """Retry-After stretches a delay, up to a day, where the contract honours it, and only there."""
    asked = {1: "3600", 2: "0", 3: "999999"}
    egress = FakeEgress(lambda n: failed(503, asked[n]) if n < 4 else DELIVERED)
    await (await deliver(egress, FakeEndpoints(endpoint(contract=contract)))).result()
    table = TABLES[contract]
    expected = [3600, table[1], 86_400] if HONOURS_RETRY_AFTER[contract] else table[:3]
    assert egress.gaps() == pytest.approx(expected, abs=TIMER_RESOLUTION)


@pytest.mark.parametrize("strategy", DOSSIER_POLICIES)
async def test_dossiers_own_policies(deliver: Deliver, strategy: str) -> None:
    """Both retry policies that the dossier document prints give the delays that it prints."""
    policy, delays = DOSSIER_POLICIES[strategy]
    egress = FakeEgress(lambda _: failed(404))
    retry = {"strategy": strategy, **policy}
    log = await exhausted(deliver, egress, contract="dossier", retry=retry)
    assert egress.gaps() == pytest.approx(delays, abs=TIMER_RESOLUTION)
    assert len(log.attempts) == len(delays) + 1


async def test_own_table_keeps_what_the_contract_retries(deliver: Deliver) -> None:
    """An endpoint's own table changes when, not what: clearway's 404 still ends at once."""
    egress = FakeEgress(lambda _: failed(404))
    log = await exhausted(deliver, egress, contract="clearway", retry={"schedule_seconds": [1, 1]})
    assert len(log.attempts) == 1
