"""Stories in which a worker is killed between a report and its record, and `held` stays right."""

import asyncio
from collections.abc import Iterator

import pytest
from support.delivery_world import Run, World, in_memory
from support.health import BEGIN, report

from hookwright.contracts import DeactivationRule
from hookwright.health import MAX_REPORTS, Release, Reports
from hookwright.health.hold_statuses import MAX_HOLD_STATUSES
from workflows.delivery import Delivery


@pytest.fixture(autouse=True)
def _in_memory() -> Iterator[None]:
    with in_memory():
        yield


@pytest.fixture
def world() -> World:
    return World(DeactivationRule(gone=True))


async def killed_once_parked(world: World) -> Run:
    """Kill the worker of a first attempt when "parked" is stored, and nothing recorded."""
    world.health.pause(BEGIN)
    run = await world.started(kill_next=True)
    assert (world.health.queue.held, world.parked) == (1, 0)
    return run


async def go_on(world: World, event: asyncio.Event) -> None:
    event.set()
    await world.settle()


def resume(world: World) -> None:
    world.health.resume(BEGIN)
    world.health.queue.open()


async def test_parked_in_vain_then_attempted(world: World) -> None:
    """Killed once "parked" was stored, and attempted then, it is not held, however that ends."""
    for status in (200, 500):
        run = await killed_once_parked(world)
        resume(world)
        await go_on(world, run.lost)
        world.answer(status)
        await world.settle()
        assert world.at_rest
        assert world.health.queue.held == 0


async def killed_twice(world: World) -> Run:
    """Kill one worker when "parked" is stored, and the next when a failed attempt is."""
    run = await killed_once_parked(world)
    resume(world)
    run.kill_next = True
    await go_on(world, run.lost)
    world.answer(500)
    await world.settle()
    return run


async def test_parked_attempted_and_parked_after_all(world: World) -> None:
    """Killed twice, it parks at last under the key of its first report, and counts as held."""
    run = await killed_twice(world)
    assert world.health.queue.held == 0
    world.health.pause(BEGIN)
    await go_on(world, run.lost)
    assert (world.health.queue.held, world.parked) == (1, 1)


async def test_parked_in_vain_then_cancelled(world: World) -> None:
    """Killed once "parked" was stored, and cancelled before it is tried again, it is not held."""
    run = await killed_once_parked(world)
    run.task.cancel()
    await world.settle()
    assert run.task.done()
    assert world.health.queue.held == 0


async def test_parked_in_vain_then_gone(world: World) -> None:
    """Killed once "parked" was stored, and turned away for good then, it is not held."""
    run = await killed_once_parked(world)
    resume(world)
    world.health.take(Reports(rule=world.rule, reports=[report(BEGIN, **GONE)]), BEGIN)
    assert world.health.gone
    await go_on(world, run.lost)
    assert run.task.done()
    assert world.health.queue.held == 0


GONE = {"outcome": "http_error", "status_code": 410}


async def test_cancelled_long_after_its_release(world: World) -> None:
    """Released, failed and pending again, it is not subtracted twice: not after 5,000 others."""
    world.health.pause(BEGIN)
    run, other = await world.started(), await world.started()
    resume(world)
    run.signal(Delivery.release, Release.DRAIN)
    await world.settle()
    world.answer(500)
    await world.settle()
    assert (world.health.queue.held, world.parked) == (1, 1)
    for first in range(0, 2 * MAX_HOLD_STATUSES, MAX_REPORTS):
        others = [f"d{number}" for number in range(first, first + MAX_REPORTS)]
        for stands in ({"is_held": True}, {"was_held": True}):
            moves = [report(BEGIN, delivery=each, **stands) for each in others]
            world.health.take(Reports(reports=moves), BEGIN)
    run.task.cancel()
    await world.settle()
    assert run.task.done()
    assert (world.health.queue.held, other.parked) == (1, True)


@pytest.mark.parametrize("status", [200, 500])
async def test_cancelled_while_its_attempt_is_under_way(world: World, status: int) -> None:
    """Cancelled with a POST under way after its release, it leaves once, in whichever order."""
    world.health.pause(BEGIN)
    run, _ = await world.started(), await world.started()
    run.signal(Delivery.release, Release.MANUAL)
    await world.settle()
    run.task.cancel()
    await world.settle()
    assert run.task.done()
    assert world.health.queue.held == 1
    world.answer(status)
    await world.settle()
    assert (world.health.queue.held, world.parked) == (1, 1)


async def test_attempted_again_after_it_was_held_again(world: World) -> None:
    """An attempt that was reported, not recorded, and repeated after a hold counts as well."""
    run = await killed_twice(world)
    world.health.pause(BEGIN)
    await go_on(world, run.lost)
    resume(world)
    run.signal(Delivery.release, Release.DRAIN)
    await world.settle()
    world.answer(500)
    await world.settle()
    assert world.health.streak.failures == 1  # resumed, the past is forgotten
    assert world.health.counts.last_hour(BEGIN) == (0, 2)
    assert world.health.queue.held == 0


async def test_a_probe_that_comes_to_something_else(world: World) -> None:
    """A probe that failed, and was made again by another worker, reactivates if it succeeds."""
    run = await world.started()
    world.health.take(Reports(reports=[report(BEGIN, outcome="blocked_destination")]), BEGIN)
    world.answer(500)
    await world.settle()
    await go_on(world, run.due)
    assert (world.health.queue.held, world.parked) == (1, 1)
    run.kill_next = True
    run.signal(Delivery.release, Release.PROBE)
    await world.settle()
    world.answer(500)
    await world.settle()
    assert world.health.status == "disabled"
    await go_on(world, run.lost)
    world.answer(200)
    await world.settle()
    assert world.health.status == "active"
    assert world.health.queue.held == 0


async def test_a_probe_that_shows_life(world: World) -> None:
    """Refused with a 422, the probed delivery is pending, and its next step is as it was."""
    run = await world.started()
    world.answer(500)
    await world.settle()
    world.health.take(Reports(reports=[report(BEGIN, outcome="blocked_destination")]), BEGIN)
    await go_on(world, run.due)
    run.signal(Delivery.release, Release.PROBE)
    await world.settle()
    world.answer(422)
    await world.settle()
    assert world.health.status == "active"
    assert (world.health.queue.held, world.parked) == (0, 0)
    [log] = run.heartbeats
    assert (log["state"], log["steps"], log["retry_in_seconds"]) == ("pending", 1, 60.0)
    assert [attempt["trigger"] for attempt in log["attempts"]] == ["schedule", "probe"]
    assert world.health.streak.failures == 1
