"""A run of `retry` that Temporal starts before its time makes no attempt."""

from datetime import timedelta

from support.delivery_world import World, in_memory

from hookwright.contracts import DeactivationRule


async def test_a_run_before_its_time_waits() -> None:
    """It makes no POST and keeps the log. The run that comes in time makes the next attempt."""
    with in_memory():
        world = World(DeactivationRule())
        run = await world.started()
        world.answer(500)
        await world.settle()
        run.too_early = timedelta(seconds=30)
        recorded = run.heartbeats
        run.due.set()
        await world.settle()
        assert len(world.posts) == 0
        assert run.heartbeats == recorded
        run.too_early = timedelta()
        run.due.set()
        await world.settle()
        assert len(world.posts) == 1
        world.answer(200)
        await run.task
