"""A tenant's totals are counted once for all who ask within seconds."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace

import pytest
from cachetools import TTLCache
from temporalio.service import RPCError, RPCStatusCode

from api.services.statistics import CACHED_SECONDS, Statistics

CALLS = 2
"""Of Temporal's, for one count."""


@dataclass
class FakeClient:
    """Counts queries; answers once the gate is open, with a failure if there is one."""

    queries: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None

    async def count_workflows(self, query: str, *, rpc_timeout: timedelta) -> SimpleNamespace:
        assert rpc_timeout < timedelta(seconds=5)
        self.queries.append(query)
        await self.gate.wait()
        if self.failure:
            raise self.failure
        number = 2 if "DeliveryState" in query else 5
        groups = [
            SimpleNamespace(group_values=[status], count=number)
            for status in ("Running", "Completed", "Failed", "Canceled", "Terminated", "TimedOut")
        ]
        return SimpleNamespace(groups=groups)


async def test_who_asks_at_once_shares_a_count() -> None:
    """Of fifty at once and one later, all get one count's answer; each tenant has its own."""
    client = FakeClient()
    statistics = Statistics(client)
    asking = [asyncio.create_task(statistics.totals("acme")) for _ in range(50)]
    await asyncio.sleep(0)
    client.gate.set()
    answers = {id(each) for each in await asyncio.gather(*asking)}
    answers.add(id(await statistics.totals("acme")))
    assert len(answers) == 1
    assert len(client.queries) == CALLS
    other = await statistics.totals("other")
    assert len(client.queries) == 2 * CALLS
    assert all("TenantId = 'other'" in query for query in client.queries[CALLS:])
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
    client = FakeClient()
    client.gate.set()
    statistics = Statistics(client)
    for now[0] in (0.0, CACHED_SECONDS - 0.1, CACHED_SECONDS + 0.1):
        await statistics.totals("acme")
    assert len(client.queries) == 2 * CALLS


async def test_who_leaves_takes_nobody_along() -> None:
    """If the first to ask goes away, the others still get their answer."""
    client = FakeClient()
    statistics = Statistics(client)
    first, second = (asyncio.create_task(statistics.totals("acme")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    client.gate.set()
    assert (await second).deliveries["delivered"] == 5
    assert first.cancelled()


async def test_a_failure_is_not_kept() -> None:
    """All who wait learn of a failure; the next who asks has it counted again."""
    client = FakeClient(failure=RPCError("busy", RPCStatusCode.RESOURCE_EXHAUSTED, b""))
    client.gate.set()
    statistics = Statistics(client)
    for _ in range(2):
        asking = (statistics.totals("acme") for _ in range(3))
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert answers == [client.failure] * 3
    assert len(client.queries) == 2 * CALLS
    client.failure = None
    assert (await statistics.totals("acme")).deliveries["delivered"] == 5
