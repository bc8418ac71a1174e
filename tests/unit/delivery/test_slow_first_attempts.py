"""A first attempt that takes long leaves its workflow task, and its POST is made once."""

from collections.abc import Iterator

import pytest
from support.delivery_world import World, hand_over_at_once, in_memory
from support.health import BEGIN

from hookwright.contracts import DeactivationRule


@pytest.fixture
def world() -> Iterator[World]:
    """A world in which each first attempt that waits is handed over."""
    with in_memory():
        hand_over_at_once()
        yield World(DeactivationRule())


async def test_the_reply_comes_to_the_delivery(world: World) -> None:
    """A reply that comes after its attempt has left the task is that of the first attempt."""
    run = await world.started()
    assert len(world.posts) == 1
    world.answer(200)
    await world.settle()
    assert run.task.done()
    assert (run.task.exception(), len(world.posts), world.tallies) == (None, 0, 1)


async def test_a_killed_worker_s_post_is_left_to_the_schedule(world: World) -> None:
    """If the worker that waits for the reply is killed, the first attempt is made again."""
    run = await world.started()
    run.kill_next = True
    world.answer(500)
    await world.settle()
    run.lost.set()
    await world.settle()
    assert run.is_retrying
    world.answer(200)
    await world.settle()
    assert run.task.done()
    assert run.task.exception() is None
    assert world.health.counts.last_hour(BEGIN) == (1, 1)


@pytest.mark.parametrize("status", [200, 500])
async def test_a_cancellation_waits_for_the_reply(world: World, status: int) -> None:
    """A delivery that is cancelled meanwhile is delivered if its receiver takes it."""
    run = await world.started()
    run.task.cancel()
    await world.settle()
    assert not run.task.done()
    world.answer(status)
    await world.settle()
    assert run.task.done()
    assert run.task.cancelled() == (status == 500)
    assert len(world.posts) == 0


async def test_a_cancellation_of_what_a_killed_worker_sends(world: World) -> None:
    """A delivery is cancelled although the worker that waits for the reply is killed."""
    run = await world.started()
    run.task.cancel()
    run.kill_next = True
    world.answer(200)
    await world.settle()
    run.lost.set()
    await world.settle()
    assert run.task.cancelled()
    assert len(world.posts) == 0
