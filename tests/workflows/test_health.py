"""The real `Endpoint` through outages of days, on a server that skips time."""

import asyncio
from itertools import pairwise

import pytest
from support.endpoints import FakeWorld, running_endpoint
from support.stack import CONTRACTS
from support.waiting import assert_eventually
from temporalio.testing import WorkflowEnvironment

from hookwright.contracts import DeactivationRule
from hookwright.contracts.deactivation import FailureRate
from hookwright.health import Reports, StatusChanges
from hookwright.health.probing import PROBE_AFTER_SECONDS
from hookwright.outcomes import DeliveryState, EndpointStatus, Outcome
from hookwright.temporal import MemoKey
from workflows.endpoint import MAX_SIGNALS

ACTIVE, PAUSED, DISABLED = EndpointStatus
STANDARD = CONTRACTS["standard"].deactivation
ONE_LOST = DeactivationRule(exhausted_in_a_row=1)
HOUR, DAY = 3_600.0, 86_400.0
A_MOMENT = 2.0


async def disable(world: FakeWorld) -> None:
    """Let one delivery run out of attempts."""
    await world.report(
        outcome=Outcome.HTTP_ERROR, status_code=500, ended=DeliveryState.EXHAUSTED, attempts=6
    )
    await world.until(lambda state: state.status is DISABLED)


async def test_five_days_of_failure(time_skipping: WorkflowEnvironment) -> None:
    """Failing for five days it is warned three times, then disabled; an hour before, it is not."""
    async with running_endpoint(FakeWorld(time_skipping, lambda _: 500, STANDARD)) as world:
        began = await world.now()
        await world.attempt()
        for _ in range(5 * 24 - 1):
            await world.sleep(hours=1)
            await world.attempt()
        state = await world.until(lambda it: it.health.streak.failures == 120)
        assert state.status is ACTIVE
        await world.sleep(hours=1)
        await world.attempt()
        state = await world.until(lambda it: it.status is DISABLED)
        assert state.health.disabled_reason == "failing_too_long"
        assert abs((state.health.streak.failing_since - began).total_seconds()) < A_MOMENT
        await assert_eventually(lambda: len(world.notices) == 4)
        assert [notice.type for notice in world.notices] == [
            *["endpoint.warned"] * 3,
            "endpoint.disabled",
        ]
        assert [notice.data.get("percent") for notice in world.notices] == [50, 70, 90, None]
        first = world.notices[0].number
        assert [notice.number - first for notice in world.notices] == [0, 1, 2, 3]
        # Events accepted from now on must meet the new status: the route has the new version.
        announced = await world.until(lambda it: it.health.announced is DISABLED)
        assert world.routes[-1].version == announced.version == 2


async def test_whole_ladder_of_probes(time_skipping: WorkflowEnvironment) -> None:
    """Probes come after 1 min, 5, 30, 2 h, 6 h, 24 h, 24 h, each with a held delivery."""
    async with running_endpoint(FakeWorld(time_skipping, lambda _: 500, ONE_LOST)) as world:
        began = await world.now()
        await disable(world)
        await world.hold(2)
        await world.sleep(days=3)
        await assert_eventually(lambda: len(world.probes) == 7)
        gaps = [(b - a).total_seconds() for a, b in pairwise([began, *world.probes])]
        assert gaps == pytest.approx([*PROBE_AFTER_SECONDS, DAY], abs=A_MOMENT)
        state = await world.until(lambda it: it.health.probes == 7)
        shown = (state.health.next_probe_at - world.probes[-1]).total_seconds()
        assert shown == pytest.approx(DAY, abs=A_MOMENT)
        assert (state.health.queue.held, len(world.held)) == (2, 2)
        assert world.releases == []


async def test_recovery_on_the_third_probe(time_skipping: WorkflowEnvironment) -> None:
    """One success, of the third probe, makes it active again; all that waited goes in order."""
    async with running_endpoint(
        FakeWorld(time_skipping, lambda n: 200 if n >= 3 else 503, ONE_LOST)
    ) as world:
        await disable(world)
        parked = await world.hold(12)
        tried, others = parked[2], [*parked[:2], *parked[3:]]
        await world.sleep(hours=1)
        state = await world.until(lambda it: it.status is ACTIVE and not it.health.queue.held)
        assert len(world.probes) == 3
        assert tried not in [event for _, event in world.releases]
        assert [event for _, event in world.releases] == others
        assert world.paces == sorted(world.paces)
        assert (state.health.disabled_reason, state.health.next_probe_at) == (None, None)
        state = await world.until(lambda it: it.health.queue.draining_since is None)
        types = [notice.type for notice in world.notices]
        assert types == ["delivery.exhausted", "endpoint.disabled", "endpoint.recovered"]
        assert world.notices[-1].data["held"] == 11


async def test_probe_waits_for_something_to_try_with(time_skipping: WorkflowEnvironment) -> None:
    """With nothing held nothing is probed; the first delivery that parks is tried at once."""
    async with running_endpoint(FakeWorld(time_skipping, rule=ONE_LOST)) as world:
        await disable(world)
        await world.sleep(days=2)
        assert world.probes == []
        await world.hold()
        await world.until(lambda it: it.status is ACTIVE)
        assert len(world.probes) == 1


async def test_a_drain_stops_at_the_first_failure(time_skipping: WorkflowEnvironment) -> None:
    """A failure during the drain stops it for a moment, longer each time; none is lost."""
    bad = {5, 9, 10}
    world = FakeWorld(time_skipping, lambda n: 500 if n in bad else 200, STANDARD)
    async with running_endpoint(world, drain_per_second=4) as world:
        await world.pause()
        await world.hold(30)
        await world.resume()
        await world.sleep(minutes=10)
        state = await world.until(lambda it: not it.health.queue.queueing)
        assert len(world.releases) == 30
        assert state.health.queue.held == 0
        assert state.health.queue.pauses == 0
        assert max(world.paces) <= 4
        slowed = [pace for before, pace in pairwise(world.paces) if pace < before]
        assert slowed
        assert set(slowed) == {1.0}


async def test_a_flapping_receiver_drains_soon(time_skipping: WorkflowEnvironment) -> None:
    """Where every third delivery fails, pauses stay short: 60 are let go within five minutes."""
    world = FakeWorld(time_skipping, lambda n: 500 if n % 3 == 0 else 200, STANDARD)
    async with running_endpoint(world, drain_per_second=4) as world:
        await world.pause()
        await world.hold(60)
        await world.resume()
        await world.sleep(minutes=5)
        assert len(world.releases) == 60


@pytest.mark.parametrize("status", [429, 502, 504])
async def test_the_receiver_slows_the_endpoint(
    time_skipping: WorkflowEnvironment, status: int
) -> None:
    """Told that it is too much, the endpoint lets nothing go for as long as it was asked to."""
    async with running_endpoint(FakeWorld(time_skipping)) as world:
        await world.report(outcome=Outcome.HTTP_ERROR, status_code=status, retry_after=600)
        began = await world.now()
        await world.hold(3)
        state = await world.until(lambda it: it.health.queue.held == 3)
        assert not state.health.admits(None)
        await world.sleep(minutes=9)
        assert world.releases == []
        await world.sleep(minutes=2)
        await world.until(lambda it: not it.health.queue.held and it.health.admits(None))
        assert (world.releases[0][0] - began).total_seconds() == pytest.approx(600, abs=A_MOMENT)


async def test_a_week_s_hold_expires(time_skipping: WorkflowEnvironment) -> None:
    """Held for a week, deliveries expire within the hour, with notices, and are not counted."""
    async with running_endpoint(FakeWorld(time_skipping, rule=STANDARD)) as world:
        await world.pause()
        parked = await world.hold(3)
        began = await world.now()
        await world.sleep(days=6, hours=23)
        assert world.expired == {}
        await world.sleep(hours=3)
        state = await world.until(lambda it: it.health.queue.held == 0)
        assert sorted(world.expired) == sorted(parked)
        for at in world.expired.values():
            assert 0 <= (at - began).total_seconds() - 7 * DAY <= HOUR + 10 * A_MOMENT
        await assert_eventually(lambda: len(world.notices) == 3)
        assert {notice.type for notice in world.notices} == {"delivery.expired"}
        assert state.status is PAUSED
        assert world.probes == []


async def test_gone_ends_what_is_held(time_skipping: WorkflowEnvironment) -> None:
    """410 disables it, ends what waits, and nothing is probed in a week; a person can resume it."""
    async with running_endpoint(FakeWorld(time_skipping, rule=STANDARD)) as world:
        await world.pause()
        parked = await world.hold(2)
        world.held, held = [], world.held  # not found yet: visibility lags
        await world.resume()
        await world.report(outcome=Outcome.HTTP_ERROR, status_code=410)
        await world.until(lambda it: it.health.gone)
        world.held = held
        await world.sleep(days=7)
        state = await world.until(lambda it: it.health.queue.held == 0)
        assert world.ended == parked
        assert world.probes == []
        assert state.health.next_probe_at is None
        assert (await world.resume()).status is ACTIVE


async def test_blocked_destination(time_skipping: WorkflowEnvironment) -> None:
    """An address that may not be reached disables it at once, and a change is probed at once."""
    async with running_endpoint(FakeWorld(time_skipping)) as world:
        await world.report(outcome=Outcome.BLOCKED_DESTINATION)
        state = await world.until(lambda it: it.status is DISABLED)
        assert state.health.disabled_reason == "blocked_destination"
        await world.hold()
        await world.change(url="https://moved.example.com/in")
        await world.until(lambda it: it.status is ACTIVE)


@pytest.mark.parametrize(
    "rule", [STANDARD, DeactivationRule(failure_rate=FailureRate(share=0.8, at_least=5))]
)
async def test_flapping_for_a_day(
    time_skipping: WorkflowEnvironment, rule: DeactivationRule
) -> None:
    """2xx and 5xx in turn for a day never disable it, and make few notices and no version."""
    async with running_endpoint(
        FakeWorld(time_skipping, lambda n: 500 if n % 2 else 200, rule)
    ) as world:
        for _ in range(24 * 6):
            await world.attempt()
            await world.sleep(minutes=10)
        state = await world.until(lambda it: it.health.counts.last_day(it.health.last_delivery_at))
        assert (state.status, state.version) == (ACTIVE, 1)
        assert len(world.notices) <= 24


async def test_continue_as_new_carries_all(time_skipping: WorkflowEnvironment) -> None:
    """After a thousand signals it continues as new; health, known reports and memo are whole."""
    async with running_endpoint(FakeWorld(time_skipping, rule=STANDARD)) as world:
        await world.pause()
        [first] = [await world.report(is_held=True, key="first")]
        before = await world.handle.describe()
        gate = asyncio.Semaphore(20)

        async def hold(number: int) -> None:
            async with gate:
                await world.report(is_held=True, key=f"k{number}")

        await asyncio.gather(*map(hold, range(MAX_SIGNALS + 50)))
        state = await world.until(lambda it: it.health.queue.held == MAX_SIGNALS + 51)
        assert (await world.handle.describe()).run_id != before.run_id
        for repeated in (first, first.model_copy(update={"key": "k7"})):
            await world.handle.signal("report", Reports(rule=STANDARD, reports=[repeated]))
        after = await world.rotate()
        assert after.health.queue.held == MAX_SIGNALS + 51
        assert (after.status, after.created_by, after.config) == (
            PAUSED,
            state.created_by,
            state.config,
        )
        assert after.version == state.version + 1
        shown = await world.handle.describe()
        changes = await shown.memo_value(MemoKey.STATUS_CHANGES, type_hint=StatusChanges)
        assert [str(it.change) for it in changes.latest] == ["created", "paused"]
