"""The loads that a hostile tenant makes."""

import asyncio

from bench.isolation.beside import Attack
from bench.isolation.black_holes import DOMAIN
from bench.isolation.world import (
    CHUNKS,
    FAIL,
    HANG,
    INTERIM,
    TAKE,
    World,
    batch_sizes,
    eventually,
    keep_calling,
)
from bench.publishing import Tenant
from bench.waiting import for_each

HEAD_START_SECONDS = 5.0
"""Until a load of slow things has filled what it can fill."""

BATCH, FAILING_BATCH = 100, 4
TARGETS = 10
"""Endpoints that the paced events take turns at."""

FILTER = "data.l[?" + "&&".join("@" * 200) + "]"
FILTER_DATA = {"l": [*range(1, 5_001)]}
EVENTS_TO_FILTERS_A_SECOND, FLOODS_EVERY_SECONDS, NAMES_EVERY_SECONDS = 1.0, 4.0, 10.0

FAILING_ENDPOINTS = 100
STORM_RETRY = {"strategy": "fixed", "max_retries": 30, "delay_seconds": 10}
STORM_BEGINS_SECONDS = 300.0
"""Endpoints that fail are soon in the slow lane, where a worker makes 2 to 20 attempts a second."""

NO_RULE: dict[str, object] = {}
"""A deactivation rule without parts: nothing disables the endpoint, so the load goes on."""


async def prompt(world: World) -> Attack:
    """Publish events at a rate, each to one of a few endpoints that answer at once."""
    return await _paced(world, TAKE)


async def paced_to_hanging(world: World) -> Attack:
    """Publish events at a rate, each to one of a few endpoints that hang for their timeout."""
    return await _paced(world, HANG)


async def hanging(world: World) -> Attack:
    """Publish one event to very many endpoints that hang for their timeout."""
    urls = [world.receiver.at(HANG)] * world.sizes.hanging
    return _repeated(world, await world.hostile({"url": url} for url in urls), every=60.0)


async def filters(world: World) -> Attack:
    """Publish events to a tenant whose filters are as costly as a filter can be."""
    tenant = await world.hostile(
        {"url": world.receiver.at(TAKE), "filter": f"{FILTER} || `{number}`"}
        for number in range(world.sizes.filters)
    )
    return _repeated(world, tenant, every=1 / EVENTS_TO_FILTERS_A_SECOND, data=FILTER_DATA)


async def chunks(world: World) -> Attack:
    """Publish events to endpoints that reply with a flood of chunks of one byte."""
    return await _floods(world, CHUNKS)


async def interim_heads(world: World) -> Attack:
    """Publish events to endpoints that reply with interim heads without end."""
    return await _floods(world, INTERIM)


async def names(world: World) -> Attack:
    """Publish events to endpoints whose names the resolver hangs for."""
    tenant = await world.hostile(
        {"url": f"http://n{number}{DOMAIN}:{world.receiver.port}{TAKE}"}
        for number in range(world.sizes.names)
    )
    return _repeated(world, tenant, every=NAMES_EVERY_SECONDS)


async def backlog(world: World) -> Attack:
    """Publish very many events to a healthy endpoint, all at once, in batches."""
    tenant = await world.hostile([{"url": world.receiver.at(TAKE)}])

    async def attack(ready: asyncio.Event) -> None:
        batches = batch_sizes(world.sizes.backlog, BATCH)
        offers = for_each(batches, lambda size: world.publish(tenant, size), len(batches))
        offering = asyncio.ensure_future(offers)
        try:
            await asyncio.sleep(0)
            ready.set()
            await offering
            await asyncio.Event().wait()
        finally:
            offering.cancel()

    return attack


async def wide(world: World) -> Attack:
    """Publish one event to very many healthy endpoints."""
    urls = [world.receiver.at(TAKE)] * world.sizes.wide
    tenant = await world.hostile({"url": url} for url in urls)

    async def attack(ready: asyncio.Event) -> None:
        await world.publish(tenant)
        ready.set()
        await asyncio.Event().wait()

    return attack


async def storm(world: World) -> Attack:
    """Have very many deliveries that fail, and are tried again every few seconds."""
    endpoints = min(FAILING_ENDPOINTS, world.sizes.failing)
    fields = {"url": world.receiver.at(FAIL), "retry": STORM_RETRY, "deactivation": NO_RULE}
    tenant = await world.hostile([fields] * endpoints)
    wanted = world.sizes.failing // endpoints * endpoints

    async def attack(ready: asyncio.Event) -> None:
        for size in batch_sizes(world.sizes.failing // endpoints, FAILING_BATCH):
            await world.publish(tenant, size)

        async def have_failed() -> bool:
            return world.receiver.total >= wanted

        await eventually(have_failed, STORM_BEGINS_SECONDS)
        ready.set()
        await asyncio.Event().wait()

    return attack


async def _paced(world: World, path: str) -> Attack:
    url = world.receiver.at(path)
    tenant = await world.hostile(
        {"url": url, "event_types": [f"paced.{number}"]} for number in range(TARGETS)
    )

    async def attack(ready: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_set_later(ready))

            async def publish(number: int) -> None:
                await world.publish(tenant, type=f"paced.{number % TARGETS}")

            await keep_calling(publish, world.sizes.a_second)

    return attack


async def _floods(world: World, path: str) -> Attack:
    urls = [world.receiver.at(path)] * world.sizes.floods
    tenant = await world.hostile({"url": url, "deactivation": NO_RULE} for url in urls)
    return _repeated(world, tenant, every=FLOODS_EVERY_SECONDS)


def _repeated(world: World, tenant: Tenant, every: float, **fields: object) -> Attack:
    """Return an attack that publishes an event to all endpoints again and again."""

    async def attack(ready: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_set_later(ready))
            await keep_calling(lambda _: world.publish(tenant, 1, **fields), 1 / every)

    return attack


async def _set_later(ready: asyncio.Event) -> None:
    await asyncio.sleep(HEAD_START_SECONDS)
    ready.set()
