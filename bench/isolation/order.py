"""The row of order: a receiver that fails at random, and a worker that is killed twice."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bench.isolation.measured import Measured, Row, Sizes
from bench.isolation.world import FAIL, REPLIES, TAKE, HostileReceiver, World, running_world
from bench.report.requirements import EXACTLY, Requirement
from bench.site import CLI, TWO_PROCESSES

WORKERS = ("worker", "second worker")
HOOKWRIGHT = {**TWO_PROCESSES, WORKERS[1]: (*CLI, "worker")}
FAILING_SHARE, SEED = 0.05, 15
RETRY = {"strategy": "fixed", "max_retries": 30, "delay_seconds": 0.2}
KILL_AFTER = (0.3, 0.6)
"""The parts of all events after whose delivery a worker is killed."""

PATH = "/order"
IN_TRANSIT_SECONDS = 0.5
"""A POST that arrives so soon after a kill was sent before it."""

STALL_SECONDS = 60.0
LATE_REPEATS_SECONDS = 7.0


@dataclass(frozen=True)
class Post:
    """One POST: of which event, when it came, and whether it was answered 200."""

    event: str
    at: float
    taken: bool


@dataclass
class FailingReceiver(HostileReceiver):
    """A receiver that fails at random and remembers every POST in its order."""

    log: list[Post] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))  # noqa: S311 - no secret

    def reply(self, path: str, webhook_id: str) -> bytes:
        """Fail at random."""
        if path != PATH:
            return super().reply(path, webhook_id)
        taken = self.dice.random() >= FAILING_SHARE
        self.log.append(Post(webhook_id, time.perf_counter(), taken))
        return REPLIES[TAKE if taken else FAIL]


@dataclass(frozen=True)
class Found:
    """What was wrong with the order of POSTs."""

    out_of_order: int
    lost: int
    duplicates: int
    in_flight: int


async def measure(sizes: Sizes) -> Measured:
    """Publish events one after the other, kill workers meanwhile, and look at all POSTs."""
    receiver = FailingReceiver()
    async with running_world(sizes, HOOKWRIGHT, receiver) as world:
        endpoint = {"url": receiver.at(PATH), "ordering": "fifo", "retry": RETRY}
        tenant = await world.hostile([endpoint])
        events: list[str] = []
        kills: list[float] = []

        async def publish() -> None:
            for _ in range(sizes.ordered):
                events.extend(await world.publish(tenant))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(publish())
            tasks.create_task(_kill(world, receiver, kills))
        await _delivered(receiver, events)
    found = inspect(events, receiver.log, kills)
    took = receiver.log[-1].at - receiver.log[0].at
    notes = (
        f"{len(events)} events, {len(receiver.log)} POSTs in {took:.0f} s,"
        f" {sum(not post.taken for post in receiver.log)} of them failed by the receiver,"
        f" {found.in_flight} POSTed again that were in flight at one of {len(kills)} kills"
    )
    return Measured([found.out_of_order, found.lost, found.duplicates], notes=notes)


async def _kill(world: World, receiver: FailingReceiver, kills: list[float]) -> None:
    """Kill one worker after the other when so many events have been delivered, and restart it."""
    for share, worker in zip(KILL_AFTER, WORKERS, strict=True):
        await _until_taken(receiver, int(share * world.sizes.ordered))
        world.site.processes[worker][0].kill()
        kills.append(time.perf_counter())
        await world.site.launch(worker)


async def _delivered(receiver: FailingReceiver, events: Sequence[str]) -> None:
    with suppress(TimeoutError):
        await _until_taken(receiver, len(events))
    await asyncio.sleep(LATE_REPEATS_SECONDS)


async def _until_taken(receiver: FailingReceiver, number: int) -> None:
    """Wait until so many events have been answered 200.

    Raises:
        TimeoutError: Nothing has arrived for a minute.
    """
    seen, since = -1, time.perf_counter()
    while len({post.event for post in receiver.log if post.taken}) < number:
        if len(receiver.log) != seen:
            seen, since = len(receiver.log), time.perf_counter()
        elif time.perf_counter() > since + STALL_SECONDS:
            raise TimeoutError(f"no POST for {STALL_SECONDS:.0f} s")
        await asyncio.sleep(0.1)


def inspect(events: Sequence[str], log: Sequence[Post], kills: Sequence[float]) -> Found:
    """Compare POSTs with the order of acceptance.

    Out of order is a POST of an event while an earlier one has not been answered 200. A POST of an
    event that has been answered 200 is a duplicate. The one that was in flight at a kill may be
    POSTed again; it is then the last one that had arrived.
    """
    places = {event: place for place, event in enumerate(events)}
    in_flight = {_last_before(log, kill + IN_TRANSIT_SECONDS) for kill in kills}
    in_flight |= {_last_before(log, kill) for kill in kills}
    taken: set[str] = set()
    head = out_of_order = duplicates = allowed = 0
    for post in log:
        while head < len(events) and events[head] in taken:
            head += 1
        if post.event in taken:
            duplicates += post.event not in in_flight
            allowed += post.event in in_flight
        elif places[post.event] > head:
            out_of_order += 1
        if post.taken:
            taken.add(post.event)
    return Found(out_of_order, len(events) - len(taken), duplicates, allowed)


def _last_before(log: Sequence[Post], at: float) -> str | None:
    return next((post.event for post in reversed(log) if post.at <= at), None)


TITLE = "fifo: 1,000 events, receiver failing at random, a worker killed twice"
ROW = Row(
    "fifo",
    TITLE,
    (
        Requirement(f"{TITLE}: POSTs out of order", EXACTLY, 0, None, digits=0),
        Requirement(f"{TITLE}: lost", EXACTLY, 0, None, digits=0),
        Requirement(f"{TITLE}: POSTed again, not in flight at a kill", EXACTLY, 0, None, digits=0),
    ),
    measure,
)
