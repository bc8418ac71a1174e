"""The slow lane takes attempts as fast as leaves the server to the others."""

import asyncio
from itertools import pairwise
from types import SimpleNamespace

import pytest

from activities import lane_slots as module
from activities.lane_slots import ATTEMPTS_A_SECOND, LaneSlots
from hookwright.turns.rests import MAX_REST_SECONDS, TIMES_THE_DELAY

NOBODY = SimpleNamespace()


class Clock:
    """Time that passes only while somebody sleeps or asks the server."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        fake = SimpleNamespace(
            get_running_loop=lambda: SimpleNamespace(time=lambda: self.now), sleep=self.sleep
        )
        monkeypatch.setattr(module, "asyncio", fake)
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def ask(slots: LaneSlots, clock: Clock, seconds: float) -> None:
    """Ask the server something, and have the answer after so many seconds."""
    with slots.measured():
        clock.now += seconds


async def seconds_for(slots: LaneSlots, clock: Clock, attempts: int) -> float:
    await slots.reserve_slot(NOBODY)
    began = clock.now
    for _ in range(attempts):
        await slots.reserve_slot(NOBODY)
    return clock.now - began


async def test_a_fast_server_has_the_highest_rate(clock: Clock) -> None:
    """While the server answers as soon as it can, the lane has its highest rate."""
    slots = LaneSlots()
    for _ in range(5):
        ask(slots, clock, 0.01)
    assert await seconds_for(slots, clock, 20) == pytest.approx(20 / ATTEMPTS_A_SECOND)


async def test_a_slow_server_has_fewer_attempts(clock: Clock) -> None:
    """The pause grows with the delay, has an end, and is gone when the server is fast again."""
    slots = LaneSlots()
    ask(slots, clock, 0.01)
    ask(slots, clock, 0.11)
    assert await seconds_for(slots, clock, 10) == pytest.approx(TIMES_THE_DELAY, rel=0.01)
    ask(slots, clock, 5.0)
    assert await seconds_for(slots, clock, 10) == pytest.approx(10 * MAX_REST_SECONDS)
    ask(slots, clock, 0.01)
    assert await seconds_for(slots, clock, 20) == pytest.approx(20 / ATTEMPTS_A_SECOND)


async def test_polls_have_their_pauses_one_after_the_other() -> None:
    """Several polls that wait at the same time do not all begin after the same pause."""
    slots, given = LaneSlots(), list[float]()
    now = asyncio.get_running_loop().time

    async def poll() -> None:
        await slots.reserve_slot(NOBODY)
        given.append(now())

    await asyncio.gather(*(poll() for _ in range(4)))
    assert all(after - before > 0.04 for before, after in pairwise(given))


async def test_no_attempt_comes_without_a_pause() -> None:
    """A task that comes with the completion of another one is left to the polls."""
    assert LaneSlots().try_reserve_slot(NOBODY) is None
