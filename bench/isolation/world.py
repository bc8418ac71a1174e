"""A site with two tenants: a small one, whose events are measured, and one that does harm."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.isolation.measured import Moment, Sizes
from bench.machine import busy_seconds, cpu_seconds
from bench.publishing import Published, Publisher, Tenant
from bench.receiver import ANSWER, Receiver, running_receiver
from bench.site import ONE_PROCESS, Site, running_site
from bench.waiting import PAUSE_SECONDS

SMALL_TENANT, HOSTILE_TENANT = "small", "hostile"
PATIENCE_SECONDS = 45.0
"""So long after the last publish a POST may come; later ones count as lost."""

HANG, FAIL, CHUNKS, INTERIM, TAKE = "/hang", "/fail", "/chunks", "/interim", "/take"
REPLIES: Mapping[str, bytes] = {
    HANG: b"",
    FAIL: b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
    CHUNKS: b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 65_000,
    INTERIM: b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000,
    TAKE: ANSWER,
}


@dataclass
class HostileReceiver(Receiver):
    """A receiver whose paths decide how it replies. It counts the POSTs of each path."""

    posts_to: Counter[str] = field(default_factory=Counter)

    def at(self, path: str) -> str:
        """Return the URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def reply(self, path: str, webhook_id: str) -> bytes:  # noqa: ARG002 - the path decides
        """Return the reply that a path stands for."""
        self.posts_to[path] += 1
        return REPLIES[path]


@dataclass(frozen=True)
class World:
    """A site, the small tenant, and what the hostile tenant publishes with and receives on."""

    site: Site
    sizes: Sizes
    small: Tenant
    publisher: Publisher
    receiver: HostileReceiver

    async def hostile(self, endpoints: Iterable[Mapping[str, Any]]) -> Tenant:
        """Create the hostile tenant with endpoints of these fields."""
        return await self.publisher.add_tenant_of(HOSTILE_TENANT, list(endpoints))

    async def publish(self, tenant: Tenant, count: int = 1, **fields: object) -> Sequence[str]:
        """Publish events of a tenant, at most a hundred, and return their ids."""
        events = [new_id() for _ in range(count)]
        await self.publisher.publish(tenant, events, Published(), **fields)
        return events

    async def measure(self) -> Moment:
        """Publish the small tenant's events at their rate, and return what became of them."""
        publisher, sizes = self.site.publisher, self.sizes
        began, used, busy = time.perf_counter(), self._site_cpu(), busy_seconds()
        events = [new_id() for _ in range(max(int(sizes.rate * sizes.seconds), 1))]
        waits = [publisher.receiver.arrival(event, 1).wait() for event in events]
        published = await publisher.publish_paced(self.small, events, sizes.rate)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(*waits)
        site_cpu = self._site_cpu() - used
        arrivals = publisher.receiver.arrivals
        waits_seconds = [
            arrivals[event][0] - called if arrivals[event] else PATIENCE_SECONDS
            for event, called in published.began.items()
        ]
        return Moment(
            published.call_ms,
            [1_000 * seconds for seconds in waits_seconds],
            published.refusals,
            events,
            seconds=time.perf_counter() - began,
            site_cpu=site_cpu,
            other_cpu=busy_seconds() - busy - site_cpu,
        )

    def _site_cpu(self) -> float:
        return sum(cpu_seconds(self.site.processes).values())

    def count_posts(self, moment: Moment) -> None:
        """Note how many POSTs each event of a moment has had by now."""
        arrivals = self.site.publisher.receiver.arrivals
        moment.posts = [len(arrivals[event]) for event in moment.events]


@asynccontextmanager
async def running_world(
    sizes: Sizes,
    hookwright: Mapping[str, Sequence[str]] = ONE_PROCESS,
    receiver: HostileReceiver | None = None,
) -> AsyncIterator[World]:
    """Run a site of its own for a row while the context is open, with a small tenant, warmed up."""
    async with (
        running_site(hookwright=hookwright, with_bare=False) as site,
        running_receiver(receiver or HostileReceiver()) as hostile,
        site.publisher.beside(hostile) as publisher,
    ):
        small = await site.publisher.add_tenant(SMALL_TENANT, 1)
        await site.publisher.closed_loop(small, [new_id() for _ in range(50)], in_flight=5)
        yield World(site, sizes, small, publisher, hostile)


def batch_sizes(events: int, at_most: int) -> Sequence[int]:
    """Return the sizes of the batches that so many events are published in."""
    return [min(at_most, events - start) for start in range(0, events, at_most)]


def new_id() -> str:
    """Return the id of an event."""
    return f"e-{secrets.token_hex(8)}"


async def keep_calling(call: Callable[[int], Awaitable[object]], a_second: float) -> None:
    """Call at a rate, whatever became of the calls before, until cancelled."""
    began, number = time.perf_counter(), 0
    async with asyncio.TaskGroup() as calls:
        while True:
            await asyncio.sleep(max(began + number / a_second - time.perf_counter(), 0))
            calls.create_task(_awaited(call(number)))
            number += 1


async def _awaited(call: Awaitable[object]) -> None:
    """Wait for a call. That an overloaded API does not answer is the trouble of who calls it."""
    with suppress(httpx.TransportError):
        await call


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Wait for a condition that takes longer than the start of a process.

    Raises:
        TimeoutError: It is not true within the time.
    """
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the condition depends on another process
            await asyncio.sleep(PAUSE_SECONDS * 4)
