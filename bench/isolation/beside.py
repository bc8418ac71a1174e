"""The rows of latency: a small tenant alone, and then beside a load, on the same site."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from bench.isolation.measured import Measured, Moment, Row, Sizes
from bench.isolation.world import World, running_world
from bench.report.requirements import AT_MOST, EXACTLY, TIMES, Requirement
from bench.report.tables import percentile
from bench.site import ONE_PROCESS

ALONE, BESIDE = "alone", "beside"
MAX_START_SECONDS = 120.0
LATE_REPEATS_SECONDS = 7.0
"""After the load, so that a POST that Temporal asks for once more, because the first was late, is
counted: a workflow task has 6 s."""

WRONG = "events of others that were not POSTed exactly once"

Attack = Callable[[asyncio.Event], Awaitable[None]]
"""It makes a load until it is cancelled, and sets the event when the load is there."""

Load = Callable[[World], Awaitable[Attack]]
"""It prepares a load, before anything is measured, and returns the attack."""


@dataclass(frozen=True)
class Beside:
    """A load, and the processes that it is measured on."""

    load: Load
    hookwright: Mapping[str, Sequence[str]] = field(default_factory=lambda: ONE_PROCESS)

    async def measure(self, sizes: Sizes) -> Measured:
        """Measure all rounds. The figures are the ratio of the p99s, and the wrong POSTs."""
        measured = await self.measure_control(sizes)
        alone, loaded = (measured.moments[label].post_ms for label in (ALONE, BESIDE))
        ratio = percentile(loaded, 99) / percentile(alone, 99)
        return replace(measured, reached=[ratio, *measured.reached])

    async def measure_control(self, sizes: Sizes) -> Measured:
        """Measure all rounds. The figure is the wrong POSTs: a fair load may take its time."""
        moments = {ALONE: Moment(), BESIDE: Moment()}
        notes = ""
        for _ in range(sizes.rounds):
            async with running_world(sizes, self.hookwright) as world:
                attack = await self.load(world)
                before = await world.measure()
                beside = await measured_beside(world, attack)
                await asyncio.sleep(LATE_REPEATS_SECONDS)
                for moment, label in ((before, ALONE), (beside, BESIDE)):
                    world.count_posts(moment)
                    moments[label].add(moment)
                notes = f"POSTs of the load in the last round: {world.receiver.total:,}"
        return Measured([wrong_posts(moments.values())], moments, notes)


async def measured_beside(
    world: World, attack: Attack, start_seconds: float = MAX_START_SECONDS
) -> Moment:
    """Measure the small tenant while an attack is under way, and end the attack.

    Raises:
        RuntimeError: The attack has failed, so it says nothing.
    """
    ready = asyncio.Event()
    attacking = asyncio.ensure_future(attack(ready))
    try:
        await _until_ready(ready, attacking, start_seconds)
        moment = await world.measure()
        if attacking.done() and attacking.exception():
            raise RuntimeError("the load has failed") from attacking.exception()
        return moment
    finally:
        attacking.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await attacking


async def _until_ready(
    ready: asyncio.Event, attacking: "asyncio.Future[None]", seconds: float
) -> None:
    waiting = asyncio.create_task(ready.wait())
    try:
        async with asyncio.timeout(seconds):
            either: list[asyncio.Future[Any]] = [waiting, attacking]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if not ready.is_set():
        attacking.result()
        raise RuntimeError("the load has ended too early")


def wrong_posts(moments: Iterable[Moment]) -> float:
    """Return how many events were not POSTed exactly once."""
    return float(sum(posts != 1 for moment in moments for posts in moment.posts))


def row(key: str, title: str, times: float, beside: Beside) -> Row:
    """Return a row of latency, which may be so many times as long as alone."""
    latency = Requirement(f"publish-to-POST p99 {title}", AT_MOST, times, None, TIMES)
    return Row(key, title, (latency, _no_wrong_posts(title)), beside.measure)


def control(key: str, title: str, beside: Beside) -> Row:
    """Return a row of a load that does no harm. It tells what the work alone does to the others."""
    return Row(key, title, (_no_wrong_posts(title),), beside.measure_control)


def _no_wrong_posts(title: str) -> Requirement:
    return Requirement(f"{title}: {WRONG}", EXACTLY, 0, None, digits=0)
