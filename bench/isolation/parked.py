"""The rows of deliveries that wait: what 20,000 of them cost a worker's memory, and publishers."""

import asyncio
from dataclasses import dataclass

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
from bench.report.requirements import AT_MOST, EXACTLY, TIMES, Requirement
from bench.report.tables import percentile
from bench.waiting import for_each

ENDPOINTS, BATCH = 20, 25
SURELY = 0.99
"""What has been counted by then: visibility lags a second, and a limited endpoint lets a few go."""

PUBLISHERS = 2
SETTLE_SECONDS = 10.0
"""Until the endpoints have counted what waits for them: the row is about deliveries that wait, and
not about their way there."""

MAX_PARKING_SECONDS = 390.0
RUNNING = "WorkflowType = 'Delivery' AND ExecutionStatus = 'Running'"


@dataclass(frozen=True)
class Parked:
    """Deliveries that wait for their endpoints, for a reason that is given by these fields."""

    fields: dict[str, object]

    async def measure(self, sizes: Sizes) -> Measured:
        """Compare memory and publishing with those of the same site when it was empty."""
        async with running_world(sizes) as world:
            ours = {name: world.site.processes[name] for name in world.site.hookwright}
            attack = await self._load(world)
            alone = await world.measure()
            empty = sum(pss_mb(ours).values())
            beside = await measured_beside(world, attack, MAX_PARKING_SECONDS)
            full = sum(pss_mb(ours).values())
            await asyncio.sleep(LATE_REPEATS_SECONDS)
            moments = {ALONE: alone, BESIDE: beside}
            for moment in moments.values():
                world.count_posts(moment)
            waiting = await _waiting(world)
        return Measured(
            [
                full - empty,
                percentile(beside.call_ms, 99) / percentile(alone.call_ms, 99),
                wrong_posts(moments.values()),
            ],
            moments,
            f"{waiting:,} deliveries wait; {empty:.0f} MB (PSS) before, {full:.0f} MB then",
        )

    async def _load(self, world: World) -> Attack:
        fields = {"url": world.receiver.at(TAKE), **self.fields}
        tenant = await world.hostile([fields] * ENDPOINTS)
        wanted = world.sizes.parked // ENDPOINTS * ENDPOINTS
        batches = batch_sizes(world.sizes.parked // ENDPOINTS, BATCH)

        async def attack(ready: asyncio.Event) -> None:
            await for_each(batches, lambda size: world.publish(tenant, size), PUBLISHERS)

            async def all_wait() -> bool:
                return await _waiting(world) >= SURELY * wanted

            await eventually(all_wait, MAX_PARKING_SECONDS)
            await asyncio.sleep(SETTLE_SECONDS)
            ready.set()
            await asyncio.Event().wait()

        return attack


async def _waiting(world: World) -> int:
    """Return how many deliveries have not ended."""
    return (await world.site.client.count_workflows(RUNNING)).count


def _row(key: str, title: str, fields: dict[str, object]) -> Row:
    wanted = (
        Requirement(f"{title}: more worker memory than empty", AT_MOST, 50, None, " MB", 0),
        Requirement(f"{title}: publish p99", AT_MOST, 2.0, None, TIMES),
        Requirement(f"{title}: {WRONG}", EXACTLY, 0, None, digits=0),
    )
    return Row(key, title, wanted, Parked(fields).measure)


ROWS = (
    _row("held", "20,000 held deliveries", {"status": "paused"}),
    _row("waiting", "20,000 waiting deliveries", {"rate_limit_per_second": 0.01}),
)
