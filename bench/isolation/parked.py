"""The row of deliveries that wait: what 20,000 of them cost a worker's memory, and publishers."""

import asyncio

import httpx

from bench.isolation.beside import (
    ALONE,
    BESIDE,
    LATE_REPEATS_SECONDS,
    WRONG,
    Attack,
    measured_beside,
    wrong_posts,
)
from bench.isolation.measured import Measured, Row, Sizes
from bench.isolation.world import TAKE, World, batch_sizes, eventually, running_world
from bench.machine import pss_mb
from bench.publishing import Tenant
from bench.report.requirements import AT_MOST, EXACTLY, TIMES, Requirement
from bench.report.tables import percentile
from bench.waiting import for_each

HELD, WAITING = {"status": "paused"}, {"rate_limit_per_second": 0.01}
ENDPOINTS_OF_EACH, BATCH = 10, 25
PUBLISHERS, READERS = 2, 4
SURELY = 0.99
"""What is held, waits or has been let go by then: the counts of endpoints lag."""

MAX_PARKING_SECONDS = 900.0


async def measure(sizes: Sizes) -> Measured:
    """Compare memory and publishing with those of the same site when it was empty."""
    async with running_world(sizes) as world:
        ours = {name: world.site.processes[name] for name in world.site.hookwright}
        url = world.receiver.at(TAKE)
        fields = [{"url": url, **reason} for reason in (HELD, WAITING)]
        tenant = await world.hostile(fields * ENDPOINTS_OF_EACH)
        alone = await world.measure()
        empty = sum(pss_mb(ours).values())
        beside = await measured_beside(world, _parking(world, tenant), MAX_PARKING_SECONDS)
        full = sum(pss_mb(ours).values())
        held, waiting = await _parked(world, tenant)
        await asyncio.sleep(LATE_REPEATS_SECONDS)
        moments = {ALONE: alone, BESIDE: beside}
        for moment in moments.values():
            world.count_posts(moment)
    return Measured(
        [
            full - empty,
            percentile(beside.call_ms, 99) / percentile(alone.call_ms, 99),
            wrong_posts(moments.values()),
        ],
        moments,
        f"{held:,} held and {waiting:,} waiting; {empty:.0f} MB (PSS) before, {full:.0f} MB then",
    )


def _parking(world: World, tenant: Tenant) -> Attack:
    """Return an attack that is there once all deliveries are held or wait."""
    events = world.sizes.parked // len(tenant.endpoints)

    async def attack(ready: asyncio.Event) -> None:
        sizes = batch_sizes(events, BATCH)
        await for_each(sizes, lambda size: world.publish(tenant, size), PUBLISHERS)

        async def all_wait() -> bool:
            await asyncio.sleep(1.0)  # each look reads all endpoints
            try:
                parked = sum(await _parked(world, tenant))
            except httpx.HTTPStatusError:  # the API is busy with them
                return False
            return parked + world.receiver.total >= SURELY * events * len(tenant.endpoints)

        await eventually(all_wait, MAX_PARKING_SECONDS)
        ready.set()
        await asyncio.Event().wait()

    return attack


async def _parked(world: World, tenant: Tenant) -> tuple[int, int]:
    """Return how many deliveries are held, and how many wait, as the endpoints show it."""

    async def read(endpoint: str) -> tuple[int, int]:
        path = f"/v1/tenants/{tenant.id}/endpoints/{endpoint}"
        shown = (await world.publisher.http.get(path)).raise_for_status().json()
        return shown["held"], shown["waiting"] or 0

    held, waiting = zip(*await for_each(tenant.endpoints, read, READERS), strict=True)
    return sum(held), sum(waiting)


TITLE = "20,000 held or waiting deliveries"
ROW = Row(
    "parked",
    TITLE,
    (
        Requirement(f"{TITLE}: more worker memory than empty", AT_MOST, 50, None, " MB", 0),
        Requirement(f"{TITLE}: publish p99", AT_MOST, 2.0, None, TIMES),
        Requirement(f"{TITLE}: {WRONG}", EXACTLY, 0, None, digits=0),
    ),
    measure,
)
