"""Tenants take turns at starting deliveries, and only few at a time while others have traffic."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.shares import TURNS_ALONE, TURNS_BESIDE_OTHERS, TenantTurns
from hookwright.turns import FEW, TRAFFIC_SECONDS, Rests, Traffic


class Starts:
    """Starts that end when the test says so, with the order in which they had their turns."""

    def __init__(self, turns: TenantTurns) -> None:
        self.turns = turns
        self.order: list[str] = []
        self.under_way: list[asyncio.Event] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, tenant: str, times: int = 1) -> None:
        self.tasks += [asyncio.create_task(self._start(tenant)) for _ in range(times)]
        await self.settled()

    async def end_one(self) -> None:
        self.under_way.pop(0).set()
        await self.settled()

    async def settled(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def _start(self, tenant: str) -> None:
        async with self.turns.turn(tenant):
            self.order.append(tenant)
            ended = asyncio.Event()
            self.under_way.append(ended)
            await ended.wait()


class LongRests:
    """Rests that end when the test says so."""

    def __init__(self) -> None:
        self.ends: list[Callable[[], None]] = []

    def learn(self, _: float) -> None:
        """Learn nothing."""

    def after(self, _: float, ended: Callable[[], None], *, needed: bool) -> None:
        if needed:
            self.ends.append(ended)
        else:
            ended()


def starts_with_rests() -> tuple[Starts, LongRests]:
    """Return starts of tenants beside one that has traffic all the time."""
    rests: Any = LongRests()
    starts = Starts(TenantTurns(Traffic(lambda: 0.0)))
    starts.turns._rests = rests
    starts.turns.traffic.saw("another")
    starts.turns.traffic.saw("wide")
    return starts, rests


async def test_a_tenant_alone_has_all_turns() -> None:
    """While nobody else has traffic, all turns are the only tenant's, and no more than those."""
    starts = Starts(TenantTurns())
    starts.turns.traffic.saw("wide")
    await starts.ask("wide", 50)
    assert len(starts.under_way) == TURNS_ALONE
    for done in range(1, 51):
        await starts.end_one()
        assert len(starts.under_way) == min(TURNS_ALONE, 50 - done)


async def test_tenants_take_turns() -> None:
    """Whoever comes with little behind one with much waits for a turn, and not for all of them."""
    starts = Starts(TenantTurns())
    await starts.ask("wide", 100)
    await starts.ask("small", 3)
    await starts.ask("other", 2)
    for _ in range(6):
        await starts.end_one()
    assert starts.order[TURNS_ALONE:][:6] == ["wide", "small", "other", "wide", "small", "other"]
    for _ in range(4):
        await starts.end_one()
    assert Counter(starts.order[TURNS_ALONE:][:10]) == {"wide": 5, "small": 3, "other": 2}


async def test_few_turns_while_others_have_traffic() -> None:
    """Beside the traffic of another tenant few starts are under way, later all."""
    now = 100.0
    starts = Starts(TenantTurns(Traffic(lambda: now)))
    starts.turns.traffic.saw("small")
    starts.turns.traffic.saw("wide")
    await starts.ask("wide", 100)
    assert len(starts.under_way) == TURNS_BESIDE_OTHERS
    for _ in range(30):  # its own deliveries are no traffic of others
        starts.turns.traffic.saw("wide")
        await starts.end_one()
        assert len(starts.under_way) == TURNS_BESIDE_OTHERS
    now += TRAFFIC_SECONDS
    await starts.end_one()
    assert len(starts.under_way) == TURNS_ALONE


async def test_a_rest_holds_up_nobody_else() -> None:
    """While a tenant rests another one has its turns, at once and without rests of its own."""
    starts, rests = starts_with_rests()
    await starts.ask("wide", 50)
    await starts.ask("small", 20)
    for _ in range(2 * TURNS_BESIDE_OTHERS):
        await starts.end_one()
    assert len(rests.ends) == TURNS_BESIDE_OTHERS  # all of the wide one's, and none of the others'
    for _ in range(20 - TURNS_BESIDE_OTHERS):
        await starts.end_one()
    assert starts.order.count("small") == 20
    assert starts.order.count("wide") == TURNS_BESIDE_OTHERS
    assert len(rests.ends) == TURNS_BESIDE_OTHERS


async def test_an_event_to_few_endpoints_has_no_rest() -> None:
    """Beside others a tenant that waits for few turns has them without rests, one with more not."""
    starts, rests = starts_with_rests()
    await starts.ask("few", TURNS_BESIDE_OTHERS + FEW)
    await starts.end_one()
    assert not rests.ends
    await starts.ask("few", 2)
    await starts.end_one()
    assert len(rests.ends) == 1


async def test_whoever_has_rested_goes_on() -> None:
    """A rest holds up its own tenant, alone or not, for as long as it lasts and no longer."""
    starts, rests = starts_with_rests()
    await starts.ask("wide", 50)
    await starts.end_one()
    await starts.end_one()
    assert not starts.under_way
    for _ in range(10):
        rests.ends.pop(0)()
        await starts.settled()
        assert len(starts.under_way) == 1
        await starts.end_one()
    assert starts.order.count("wide") == TURNS_BESIDE_OTHERS + 10
    assert starts.turns._resting == {"wide": len(rests.ends)}


async def test_what_fails_is_no_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that failed at once says nothing of the server; one that was done does."""
    learned, now = list[float](), 0.0
    monkeypatch.setattr(Rests, "learn", lambda _, seconds: learned.append(seconds))
    starts = Starts(TenantTurns(Traffic(lambda: now)))
    await starts.ask("a", 2)
    starts.tasks[-1].cancel()
    await starts.settled()
    assert not learned
    now += 0.25
    await starts.end_one()
    assert learned == [0.25]


async def test_whoever_is_cancelled_takes_no_turn() -> None:
    """Of those that are cancelled, waiting or in their turn, nothing remains."""
    starts = Starts(TenantTurns())
    await starts.ask("wide", 30)
    for task in starts.tasks:
        task.cancel()
    await starts.settled()
    assert (starts.turns._under_way, starts.turns._waiting.tenants) == (0, [])
    await starts.ask("small", TURNS_ALONE)
    assert starts.order.count("small") == TURNS_ALONE


@given(st.lists(st.sampled_from(["a", "b", "c", "saw a", "saw b", "end", "cancel"]), max_size=80))
def test_no_turn_is_lost_or_given_twice(steps: list[str]) -> None:
    """Whatever happens in between, all who wait have their turn in the end, once each."""

    async def run() -> None:
        starts = Starts(TenantTurns(Traffic(lambda: 0.0)))
        cancelled = 0
        for step in steps:
            if step.startswith("saw"):
                starts.turns.traffic.saw(step[-1])
            elif step in ("a", "b", "c"):
                await starts.ask(step)
            elif step == "end" and starts.under_way:
                await starts.end_one()
            elif step == "cancel" and starts.tasks and starts.tasks[-1].cancel():
                cancelled += 1
                await starts.settled()
            assert starts.turns._under_way <= TURNS_ALONE
        while starts.under_way:
            await starts.end_one()
        assert all(task.done() for task in starts.tasks)
        assert (starts.turns._under_way, starts.turns._waiting.tenants) == (0, [])

    asyncio.run(run())
