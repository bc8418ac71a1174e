"""The slow lane has what others leave of Temporal's time."""

import asyncio
from types import SimpleNamespace

import pytest
from support.waiting import assert_eventually

from activities.slow_slots import SlowSlots

NOBODY = SimpleNamespace()


@pytest.mark.parametrize(
    ("seconds_of_a_task", "pause"),
    [(0.0, 0.05), (0.01, 0.05), (0.016, 0.08), (0.02, 0.1), (5.0, 0.1)],
)
async def test_a_slower_server_begins_fewer_attempts(
    seconds_of_a_task: float, pause: float
) -> None:
    """The pause grows with the time of a task: from 20 attempts a second to ten, and no further."""
    assert SlowSlots(lambda: seconds_of_a_task).pause == pytest.approx(pause)


async def test_polls_have_slots_one_after_the_other() -> None:
    """However many polls ask, each slot comes a pause after the one before; none is for a start."""
    slots, clock = SlowSlots(lambda: 0.0), asyncio.get_running_loop().time
    began = clock()
    polls = [asyncio.ensure_future(slots.reserve_slot(NOBODY)) for _ in range(4)]
    assert slots.try_reserve_slot(NOBODY) is None
    await assert_eventually(lambda: all(poll.done() for poll in polls))
    assert clock() - began >= 4 * slots.pause - 0.01


async def test_a_poll_that_is_given_up_delays_no_other() -> None:
    """A worker that stops gives up its polls; the next one has its slot all the same."""
    slots = SlowSlots(lambda: 0.0)
    given_up, next_one = (asyncio.ensure_future(slots.reserve_slot(NOBODY)) for _ in range(2))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await next_one
