"""A tenant's totals are counted once for all who ask within seconds."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest
from cachetools import TTLCache

from api.http import Problem
from api.services.statistics import CACHED_SECONDS, StatisticsService
from api.services.visibility import limited

CALLS = 2
"""Of Temporal's, for one count."""


@dataclass
class FakeVisibility:
    """Counts queries; answers once the gate is open, with a failure if there is one."""

    queries: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Problem | None = None

    async def by_status(self, query: str) -> Counter[str]:
        self.queries.append(query)
        await self.gate.wait()
        if self.failure:
            raise self.failure
        number = 2 if "DeliveryState" in query else 5
        statuses = ("Running", "Completed", "Failed", "Canceled", "Terminated", "TimedOut")
        return Counter(dict.fromkeys(statuses, number))


async def test_who_asks_at_once_shares_a_count() -> None:
    """Of fifty at once and one later, all get one count's answer; each tenant has its own."""
    visibility = FakeVisibility()
    statistics = StatisticsService(visibility)
    asking = [asyncio.create_task(statistics.totals("acme")) for _ in range(50)]
    await asyncio.sleep(0)
    visibility.gate.set()
    answers = {id(each) for each in await asyncio.gather(*asking)}
    answers.add(id(await statistics.totals("acme")))
    assert len(answers) == 1
    assert len(visibility.queries) == CALLS
    other = await statistics.totals("other")
    assert len(visibility.queries) == 2 * CALLS
    assert all("TenantId = 'other'" in query for query in visibility.queries[CALLS:])
    assert other.deliveries == {
        "pending": 3,
        "held": 2,
        "delivered": 5,
        "exhausted": 3,
        "expired": 2,
        "cancelled": 15,
    }


async def test_a_count_is_made_anew_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """After CACHED_SECONDS the next who asks has it counted again."""
    now = [0.0]
    monkeypatch.setattr(
        "api.services.statistics.TTLCache", lambda size, ttl: TTLCache(size, ttl, lambda: now[0])
    )
    visibility = FakeVisibility()
    visibility.gate.set()
    statistics = StatisticsService(visibility)
    for now[0] in (0.0, CACHED_SECONDS - 0.1, CACHED_SECONDS + 0.1):
        await statistics.totals("acme")
    assert len(visibility.queries) == 2 * CALLS


async def test_who_leaves_takes_nobody_along() -> None:
    """If the first to ask goes away, the others still get their answer."""
    visibility = FakeVisibility()
    statistics = StatisticsService(visibility)
    first, second = (asyncio.create_task(statistics.totals("acme")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    visibility.gate.set()
    assert (await second).deliveries["delivered"] == 5
    assert first.cancelled()


async def test_a_failure_is_not_kept() -> None:
    """All who wait learn of a failure; the next who asks has it counted again."""
    visibility = FakeVisibility(failure=limited())
    visibility.gate.set()
    statistics = StatisticsService(visibility)
    for _ in range(2):
        asking = (statistics.totals("acme") for _ in range(3))
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert answers == [visibility.failure] * 3
    assert len(visibility.queries) == 2 * CALLS
    visibility.failure = None
    assert (await statistics.totals("acme")).deliveries["delivered"] == 5
