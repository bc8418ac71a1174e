"""A first attempt that takes long leaves its workflow task, and its POST is made once."""

from collections.abc import Iterator

import pytest
from support.delivery_world import World, hand_over_at_once, in_memory
from support.health import BEGIN
from temporalio.service import RPCError, RPCStatusCode

from activities.delivery import attempts as attempts_file
from hookwright.contracts import DeactivationRule


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world in which each first attempt that waits is handed over."""
    monkeypatch.setattr(attempts_file, "SECONDS_AFTER_FAULT", 0.0)
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


async def test_a_read_that_fails_makes_no_second_post(world: World) -> None:
    """If Temporal does not tell of the endpoint, the worker asks again: only it knows the POST."""
    world.handed_over_reads_fail = 2
    run = await world.started()
    assert not run.is_retrying
    world.answer(200)
    await world.settle()
    assert run.task.done()
    assert (run.task.exception(), len(world.posts), world.tallies) == (None, 0, 1)
    assert not world.handed_over_reads_fail


@pytest.mark.parametrize(("status", "state"), [(200, "delivered"), (500, "pending")])
async def test_a_reply_for_a_deleted_endpoint_is_in_the_log(
    world: World, status: int, state: str
) -> None:
    """Its endpoint is deleted before the worker has read it: what was sent is known."""
    world.handed_over_reads_fail = 1_000
    run = await world.started()
    world.deleted, world.handed_over_reads_fail = True, 0
    world.answer(status)
    await world.settle()
    assert (run.log.state, [each.number for each in run.log.attempts]) == (state, [1])
    assert len(world.posts) == 0
    run.task.cancel()
    await world.settle()


async def test_a_report_that_fails_makes_no_second_post(world: World) -> None:
    """If the answer to its report is lost, the reply is reported again, and is in the log."""
    world.reports_fail, world.fault = 1, RPCError("lost", RPCStatusCode.UNAVAILABLE, b"")
    run = await world.started()
    world.new_worker()  # which would not know the POST
    world.answer(500)
    await world.settle()
    assert run.is_retrying
    assert len(world.posts) == 0
    assert [each["number"] for each in run.heartbeats[0]["attempts"]] == [1]
    assert world.health.counts.last_hour(BEGIN) == (0, 1)
    run.task.cancel()
    await world.settle()


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
