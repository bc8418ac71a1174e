"""Slots for workflow tasks: as many as the server completes in time."""

import asyncio
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from support.waiting import assert_eventually

from activities import task_slots as module
from activities.task_slots import (
    INITIAL_TASKS,
    MAX_TASKS,
    MAX_TASKS_IN_ALL,
    MIN_TASKS,
    Permit,
    TaskSlots,
)

NOBODY = SimpleNamespace()


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    it = Clock()
    monkeypatch.setattr(module, "time", it)
    return it


def take_all(slots: TaskSlots) -> list[Permit]:
    taken = []
    while permit := slots.try_reserve_slot(NOBODY):
        taken.append(permit)
    return taken


def release(slots: TaskSlots, permits: list[Permit]) -> None:
    for permit in permits:
        slots.release_slot(SimpleNamespace(permit=permit))


def serve(slots: TaskSlots, clock: Clock, seconds: float, rounds: int) -> None:
    """Fill all slots, time and again, with tasks that take so long."""
    for _ in range(rounds):
        permits = take_all(slots)
        clock.now += seconds
        release(slots, permits)


async def test_slow_server_gets_fewer_tasks(clock: Clock) -> None:
    """Tasks that take too long halve the limit at most, and never below the fewest."""
    slots = TaskSlots()
    serve(slots, clock, 5.0, rounds=1)
    assert slots.limit == INITIAL_TASKS / 2
    serve(slots, clock, 5.0, rounds=20)
    assert slots.limit == MIN_TASKS


async def test_fast_server_gets_more_tasks(clock: Clock) -> None:
    """While tasks are in time and more are to be had the limit grows, up to the most."""
    slots = TaskSlots()
    serve(slots, clock, 1.1, rounds=3)
    assert INITIAL_TASKS < slots.limit < INITIAL_TASKS + 10
    serve(slots, clock, 1.1, rounds=500)
    assert slots.limit == MAX_TASKS


async def test_idle_worker_keeps_its_limit(clock: Clock) -> None:
    """Polls that bring nothing, and few tasks, say nothing of the server."""
    slots = TaskSlots()
    for _ in range(100):
        permit = await slots.reserve_slot(NOBODY)
        clock.now += 60
        release(slots, [permit])
    assert slots.limit == INITIAL_TASKS


async def test_time_of_a_receiver_is_not_the_servers(clock: Clock) -> None:
    """A task that waits for a receiver lends its slot, and its time does not count."""
    slots = TaskSlots()
    permits = take_all(slots)
    assert len(permits) == INITIAL_TASKS
    with ExitStack() as waiting:
        for _ in permits:
            waiting.enter_context(slots.lent())
        others = take_all(slots)
        assert len(others) == INITIAL_TASKS
        release(slots, others)
        clock.now += 30
    clock.now += 0.5
    release(slots, permits)
    clock.now += 1.0
    release(slots, take_all(slots))
    assert slots.limit >= INITIAL_TASKS


async def test_it_tells_how_long_a_task_takes_now(clock: Clock) -> None:
    """It is an average of the latest seconds, and leaves out the waits for receivers."""
    slots = TaskSlots()
    assert slots.seconds_of_a_task() == 0
    for _ in range(100):
        serve(slots, clock, 0.2, rounds=1)
    assert slots.seconds_of_a_task() == pytest.approx(0.2, rel=0.1)
    for _ in range(100):
        serve(slots, clock, 0.02, rounds=1)
    assert 0.02 < slots.seconds_of_a_task() < 0.08
    clock.now += 60
    assert slots.seconds_of_a_task() == pytest.approx(0.0, abs=1e-9)
    permits = take_all(slots)
    with ExitStack() as waiting:
        for _ in permits:
            waiting.enter_context(slots.lent())
        clock.now += 60
        assert slots.seconds_of_a_task() == pytest.approx(0.0, abs=1e-9)
    clock.now += 0.05
    assert slots.seconds_of_a_task() == pytest.approx(0.05, rel=0.1)
    clock.now += 60
    assert slots.seconds_of_a_task() > 1
    release(slots, permits)


async def test_there_is_an_end_to_lending(clock: Clock) -> None:
    """However many tasks wait for receivers, there are at most MAX_TASKS_IN_ALL."""
    slots, taken, waiting = TaskSlots(), 0, ExitStack()
    with waiting:
        while permits := take_all(slots):
            taken += len(permits)
            for _ in permits:
                waiting.enter_context(slots.lent())
        assert taken == MAX_TASKS_IN_ALL
    assert clock.now == 1_000.0


async def test_who_waits_for_a_slot_gets_the_next(clock: Clock) -> None:
    """A poll waits while all slots are taken, and goes on when one is free or lent."""
    slots = TaskSlots()
    permits = take_all(slots)
    waiting = [asyncio.ensure_future(slots.reserve_slot(NOBODY)) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(each.done() for each in waiting)
    release(slots, [permits.pop()])
    await assert_eventually(lambda: any(each.done() for each in waiting))
    with slots.lent():
        await assert_eventually(lambda: all(each.done() for each in waiting))
    assert clock.now == 1_000.0


async def test_new_deliveries_leave_slots_to_polls_that_wait(clock: Clock) -> None:
    """A slot that becomes free is for what waits in the task queue, if a poll waits for a slot."""
    slots = TaskSlots()
    permits = take_all(slots)
    poll = asyncio.ensure_future(slots.reserve_slot(NOBODY))
    await asyncio.sleep(0)
    release(slots, [permits.pop()])
    assert slots.try_reserve_slot(NOBODY) is None
    release(slots, [permits.pop()])
    assert slots.try_reserve_slot(NOBODY)
    assert not (await poll).busy
    release(slots, [permits.pop()])
    assert slots.try_reserve_slot(NOBODY)
    assert clock.now == 1_000.0


async def test_nobody_is_woken_if_nobody_waits(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot that becomes free costs the event loop nothing, unless a poll waits for it."""
    slots = TaskSlots()
    woken: list[object] = []
    monkeypatch.setattr(slots._loop, "call_soon_threadsafe", woken.append)
    release(slots, [await slots.reserve_slot(NOBODY)])
    with slots.lent():
        pass
    assert not woken
    permits = take_all(slots)
    waiting = asyncio.ensure_future(slots.reserve_slot(NOBODY))
    await asyncio.sleep(0)
    release(slots, [permits.pop()])
    assert woken
    waiting.cancel()
    assert clock.now == 1_000.0
