"""A run: publish a seed's events while faults strike, wait until all has ended, and read it all."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from random import Random

from support.fault_proxy import fault_proxy

from ledger.asking import ask_counters, ask_deliveries, ask_histories, wait_for_ends
from ledger.book import Book
from ledger.faults import FAULTS, Timetable
from ledger.given_server import GivenServer
from ledger.operating import FLIP_NAMES
from ledger.proxies import NETWORK_FAULTS
from ledger.publishers import Plan, Publishers, plans
from ledger.records import Appending, File, publishes_in
from ledger.resuming import resume_what_was_blocked
from ledger.rules.counters import counters_are_right
from ledger.site import Site, open_door, running_site
from ledger.world import LIMIT_OF_ALL, LIMIT_OF_MANY, World
from runtime.dev import EmbeddedServer, free_port

SECONDS_FOR_COUNTERS = 30.0
"""A worker that stops sends the successes that it has counted; the endpoints then take them in."""

MANY_EVENTS = 3_000
"""A run of more than these is long: its limited endpoint may have what it wants on average."""


@dataclass(frozen=True)
class Options:
    """What a run is asked for. With `seconds` it publishes for so long, however many events.

    Else it publishes at least `events`, and until each fault has struck once: all strike a site
    that has work to do.
    """

    seed: int = 1
    events: int = 200
    seconds: float | None = None
    faults: Sequence[str] = ()
    workers: int = 1
    publishers: int = 8
    rate: float = 10.0
    pause_seconds: tuple[float, float] = (3.0, 12.0)
    outage: tuple[float, float] = (10.0, 40.0)
    settle_seconds: float = 600.0
    continue_as_new_every: int | None = None
    given_server: GivenServer | None = None

    @property
    def limit_of_all(self) -> float:
        """The limited endpoint's rate limit, as a share of the rate of all events."""
        events = self.events if self.seconds is None else self.seconds * self.rate
        return LIMIT_OF_MANY if events > MANY_EVENTS else LIMIT_OF_ALL

    def server(self, folder: Path) -> EmbeddedServer | GivenServer:
        """Return the Temporal server: the given one, or an embedded one with a new database.

        The embedded one suggests to continue as new after so many history events.
        """
        often = self.continue_as_new_every
        setting = (("limit.historyCount.suggestContinueAsNew", str(often)),) if often else ()
        return self.given_server or EmbeddedServer(folder, free_port(), dynamic_config=setting)


Beside = Callable[[Site], AbstractAsyncContextManager[object]]
"""Something that goes on beside the load, such as a measurement."""


async def run(
    options: Options,
    folder: Path,
    beside: Beside = nullcontext,
    break_off: asyncio.Event | None = None,
) -> Book:
    """Do a run. Its files stay in the folder. Publishing ends early once `break_off` is set."""
    world = World.of(
        options.seed,
        outage=options.outage,
        rate=options.rate,
        limit_of_all=options.limit_of_all,
    )
    doors = fault_proxy if any(name in NETWORK_FAULTS for name in options.faults) else open_door
    async with running_site(
        world, folder, options.server(folder), options.workers, doors, doors
    ) as site:
        names_lie = FLIP_NAMES in options.faults
        async with resume_what_was_blocked(site) if names_lie else nullcontext():
            async with beside(site):
                await _publish_under_faults(options, site, break_off)
            await site.ready()
            await wait_for_ends(site, _deliveries(site), options.settle_seconds)
        return await _final_book(site)


async def _publish_under_faults(
    options: Options, site: Site, break_off: asyncio.Event | None
) -> None:
    enough = asyncio.Event()
    timetable = Timetable(
        [FAULTS[name] for name in options.faults],
        Random(f"faults:{options.seed}"),
        options.pause_seconds,
        Appending(site.folder / File.STRIKES),
    )
    publishers = Publishers(
        site.http, Appending(site.folder / File.PUBLISHES), options.publishers, options.rate
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(timetable.run(site, enough))
        events = events_of(site.world, options, timetable)
        await publishers.publish(
            takewhile(lambda _: break_off is None or not break_off.is_set(), events)
        )
        enough.set()


def events_of(world: World, options: Options, timetable: Timetable) -> Iterator[Plan]:
    """Yield the events of a run, for as long as it is to publish."""
    if options.seconds is None:
        return (
            plan
            for plan, _ in takewhile(
                lambda it: it[1] < options.events or not timetable.has_struck_all.is_set(),
                zip(plans(world, None), count(), strict=True),
            )
        )
    end = time.monotonic() + options.seconds
    return takewhile(lambda _: time.monotonic() < end, plans(world, None))


def _deliveries(site: Site) -> int:
    """Return how many deliveries there must be at least."""
    return sum(
        len(list(site.world.wanting(event.tenant, event.event_type)))
        for event in publishes_in(site.folder)
        if event.accepted
    )


async def _final_book(site: Site) -> Book:
    """Read what the API tells. Counters may lag behind; they get a while to become right."""
    for name in site.workers:  # so that they report the successes of their last minute
        await site.begin_again(name)
    await site.ready()
    await ask_deliveries(site)
    await ask_histories(site, Book.read(site.folder))
    deadline = time.monotonic() + SECONDS_FOR_COUNTERS
    while True:
        await ask_counters(site)
        book = Book.read(site.folder)
        if not list(counters_are_right(book)) or time.monotonic() > deadline:
            return book
        await asyncio.sleep(1)
