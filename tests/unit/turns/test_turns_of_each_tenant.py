"""A tenant publishes as much as it wants, but little at the same time while others publish."""

import asyncio
from collections import Counter, deque
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookwright.turns import (
    ANSWER_TAKES_SECONDS,
    AT_ONCE_BESIDE_OTHERS,
    FEW,
    TRAFFIC_SECONDS,
    NoTurnError,
    Rests,
    Traffic,
    TurnsOfEachTenant,
    rests,
)


class Publishes:
    """Publishes that end when the test says so."""

    def __init__(self, patience_seconds: float = 60.0) -> None:
        self.now = 0.0
        self.turns = TurnsOfEachTenant(Traffic(lambda: self.now))
        self.patience_seconds = patience_seconds
        self.under_way: Counter[str] = Counter()
        self.ends: dict[str, deque[asyncio.Event]] = {}
        self.tasks: list[asyncio.Task[None]] = []

    async def begin(self, tenant: str, times: int = 1) -> None:
        self.tasks += [asyncio.create_task(self._publish(tenant)) for _ in range(times)]
        await self.settled()

    async def end_one(self, tenant: str) -> None:
        self.ends[tenant].popleft().set()
        await self.settled()

    async def settled(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def _publish(self, tenant: str) -> None:
        answer_by = asyncio.get_running_loop().time() + self.patience_seconds
        async with self.turns.turn(tenant, answer_by + ANSWER_TAKES_SECONDS):
            end = asyncio.Event()
            self.ends.setdefault(tenant, deque()).append(end)
            self.under_way[tenant] += 1
            try:
                await end.wait()
            finally:
                self.under_way[tenant] -= 1
                if end in self.ends[tenant]:
                    self.ends[tenant].remove(end)


async def test_a_tenant_alone_has_no_limit() -> None:
    """While nobody else has traffic, nothing of a tenant waits."""
    publishes = Publishes()
    await publishes.begin("busy", 100)
    assert publishes.under_way["busy"] == 100


async def test_while_others_publish_a_tenant_has_few_at_once() -> None:
    """The others' publishes go on at once, and those of the busy tenant in their order."""
    publishes = Publishes()
    await publishes.begin("small")
    await publishes.begin("busy", 30)
    assert publishes.under_way == {"small": 1, "busy": FEW}
    await publishes.begin("small")
    assert publishes.under_way["small"] == 2
    for ended in range(1, 31):
        await publishes.end_one("busy")
        at_once = max(FEW - ended, AT_ONCE_BESIDE_OTHERS)
        left = 30 - ended
        assert publishes.under_way["busy"] == (at_once if left > FEW else left)


async def test_whoever_asks_for_little_is_not_limited() -> None:
    """Beside a tenant with many publishes another has more than a few at once, all of them."""
    publishes = Publishes()
    await publishes.begin("busy", 50)
    await publishes.begin("small", 2 * AT_ONCE_BESIDE_OTHERS)
    assert publishes.under_way["small"] == 2 * AT_ONCE_BESIDE_OTHERS
    await publishes.end_one("busy")  # it began with all that it wanted, when it was alone
    assert publishes.under_way["busy"] == 49


async def test_one_that_asks_for_very_much_frees_nobody() -> None:
    """Beside a huge tenant a large one is limited too, and a small one is not."""
    publishes = Publishes()
    await publishes.begin("small")
    await publishes.begin("huge", 300)
    await publishes.begin("large", 140)
    await publishes.begin("small", FEW - 1)
    assert publishes.under_way["small"] == publishes.under_way["huge"] == FEW
    assert publishes.under_way["large"] < 140 / 2


async def test_the_smaller_of_two_is_not_limited() -> None:
    """On a server so slow that both ask for more than a few, only the one with more is limited."""
    publishes = Publishes()
    await publishes.begin("small", FEW)
    await publishes.begin("big", 100)
    await publishes.begin("small", 2 * FEW)
    assert publishes.under_way == {"small": 3 * FEW, "big": FEW}


async def test_whoever_asks_for_few_is_not_limited_though_nobody_else_asks() -> None:
    """Others had traffic, and ask for nothing now: so whoever asks for few is not a busy one."""
    publishes = Publishes()
    await publishes.begin("wide")
    await publishes.end_one("wide")
    await publishes.begin("small", FEW)
    assert publishes.under_way["small"] == FEW


async def test_what_waits_goes_on_when_the_others_are_quiet() -> None:
    """Once the others have no traffic any more, the next end lets all through."""
    publishes = Publishes()
    await publishes.begin("small")
    await publishes.begin("busy", 10)
    publishes.now += TRAFFIC_SECONDS
    await publishes.end_one("busy")
    assert publishes.under_way["busy"] == 9


async def test_a_turn_that_does_not_come_is_told_in_time() -> None:
    """Whoever waits longer than its patience is told, and takes no turn later."""
    publishes = Publishes(patience_seconds=0.01)
    await publishes.begin("small")
    await publishes.begin("busy", FEW + 1)
    with pytest.raises(NoTurnError):
        await publishes.tasks[-1]
    await publishes.end_one("busy")
    await publishes.begin("busy", 2)
    assert publishes.under_way["busy"] == FEW


async def test_what_fails_is_no_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A publish that failed at once says nothing of the server; one that was done does."""
    learned = list[float]()
    monkeypatch.setattr(Rests, "learn", lambda _, seconds: learned.append(seconds))
    publishes = Publishes()
    await publishes.begin("a", 2)
    publishes.tasks[-1].cancel()
    await publishes.settled()
    assert not learned
    publishes.now += 0.25
    await publishes.end_one("a")
    assert learned == [0.25]


@given(st.lists(st.sampled_from(["a", "b", "end a", "end b", "cancel", "later"]), max_size=60))
def test_no_turn_is_lost(steps: list[str]) -> None:
    """Whatever happens in between, all who wait have their turn in the end; nothing remains.

    Nobody rests here, because a rest takes real time.
    """

    async def run() -> None:
        publishes = Publishes()
        for step in steps:
            if step in ("a", "b"):
                await publishes.begin(step)
            elif step == "later":
                publishes.now += TRAFFIC_SECONDS
            elif step == "cancel" and publishes.tasks:
                publishes.tasks[-1].cancel()
                await publishes.settled()
            elif step.startswith("end") and publishes.under_way[step[-1]]:
                await publishes.end_one(step[-1])
        while busy := [tenant for tenant, number in publishes.under_way.items() if number]:
            await publishes.end_one(busy[0])
        assert all(task.done() for task in publishes.tasks)
        assert not publishes.turns._tenants

    with patch.object(rests, "MAX_REST_SECONDS", 0.0):
        asyncio.run(run())
