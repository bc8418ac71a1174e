"""What a killed worker has sent is not sent again, and is reported by the next one."""

import asyncio

from support.delivery_world import Run, World, in_memory
from support.health import BEGIN

from hookwright.contracts import DeactivationRule


async def second_attempt(world: World) -> Run:
    """Start a delivery whose first attempt fails, and see its second one under way."""
    run = await world.started()
    world.answer(500)
    await world.settle()
    assert run.due
    run.due.set()
    await world.settle()
    assert len(world.posts) == 1
    return run


async def cancelled(world: World, *runs: Run) -> None:
    """End what the test has begun."""
    for run in runs:
        assert run.task
        run.task.cancel()
    await world.settle()


async def test_an_attempt_is_recorded_before_its_report() -> None:
    """Killed while its report is under way, an attempt is told by another worker, and not made."""
    with in_memory():
        world = World(DeactivationRule())
        run = await second_attempt(world)
        world.reports_fail = 1
        world.answer(500)
        world.new_worker()  # which knows no POST of the one before
        await world.settle()
        assert len(world.posts) == 0
        assert [each["number"] for each in run.heartbeats[0]["attempts"]] == [1, 2]
        assert world.health.counts.last_hour(BEGIN) == (0, 2)
        await cancelled(world, run)


async def test_a_success_that_was_reported_is_not_counted_as_well() -> None:
    """The next worker reports it again, to an endpoint that is healthy because of this success."""
    with in_memory():
        world = World(DeactivationRule())
        run = await second_attempt(world)
        world.reports_fail = 1
        world.answer(200)
        world.new_worker()
        await world.settle()
        assert not world.health.watched
        assert world.tallies == 0
        assert world.health.counts.last_hour(BEGIN) == (1, 1)
        await cancelled(world, run)


async def test_nor_is_a_first_attempt_whose_worker_lives_on() -> None:
    """The answer to its report is lost, and the same worker makes the report again."""
    with in_memory():
        world = World(DeactivationRule())
        failing = await world.started()
        world.answer(500)
        await world.settle()
        run = await world.started()
        world.reports_fail = 1
        world.answer(200)
        await world.settle()
        assert not world.reports_fail
        assert not world.health.watched
        assert world.tallies == 0
        assert world.health.counts.last_hour(BEGIN) == (1, 1)
        await cancelled(world, failing, run)


async def test_what_was_recorded_as_delivered_is_so_after_a_cancellation() -> None:
    """Cancelled while its success is being reported, a delivery reports it, and is delivered."""
    with in_memory():
        world = World(DeactivationRule())
        run = await second_attempt(world)
        answered, store = asyncio.Event(), world.add

        async def hang(*_: object) -> None:
            await answered.wait()

        world.add = hang
        world.answer(200)
        await world.settle()
        assert run.heartbeats[0]["state"] == "delivered"
        world.add = store
        run.task.cancel()
        await world.settle()
        assert run.task.done()
        assert not run.task.cancelled()
        assert world.health.counts.last_hour(BEGIN) == (1, 1)
        answered.set()
        await world.settle()
