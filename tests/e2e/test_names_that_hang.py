"""Names that never answer: they cost their own tenant time, and nobody else anything."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from support.names import Names, names_of_the_world
from support.receiver import Receiver
from support.stack import Stack
from support.waiting import assert_eventually, eventually

from activities.egress import resolver
from activities.egress.resolver_threads import THREADS

pytestmark = pytest.mark.cluster

HANGING, AT_ONCE = 100, 20
ENDPOINTS, EVENTS = 5, 10


@pytest_asyncio.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Names]:
    """Names of which some never answer; attempts wait for a thread for a moment only."""
    monkeypatch.setattr(resolver, "TURN_SECONDS", 0.5)
    monkeypatch.setattr(resolver, "LATER_SECONDS", 2.0)
    async with names_of_the_world() as it:
        yield it


async def add_endpoints(to: Stack, hooks: Receiver, names: list[str]) -> list[str]:
    """Add an endpoint for each of these names, all at the port of the receiver."""
    port, ids = urlsplit(hooks.url).port, []
    for start in range(0, len(names), AT_ONCE):
        added = await asyncio.gather(
            *(
                to.add_endpoint(
                    f"http://{name}.example.com:{port}/{name}",
                    retry={"schedule_seconds": [0.5] * 30},
                )
                for name in names[start : start + AT_ONCE]
            )
        )
        ids += [endpoint["id"] for endpoint in added]
    return ids


@pytest.mark.timeout(400)
async def test_another_tenants_deliveries_go_on(names: Names, busy: Stack, hooks: Receiver) -> None:
    """Beside a hundred hanging names of one tenant another's events arrive, each with one POST.

    What waits for a thread makes no attempt. Once the names answer, all is delivered, once.
    """
    hanging = await add_endpoints(busy, hooks, [f"hang{number}" for number in range(HANGING)])
    stuck = await busy.publish()
    await assert_eventually(lambda: names.hanging == THREADS // 4, within=60)
    other = await busy.with_new_tenant()
    endpoints = await add_endpoints(other, hooks, [f"good{number}" for number in range(ENDPOINTS)])
    events = [(await other.publish())["id"] for _ in range(EVENTS)]
    for endpoint in endpoints:
        for event in events:
            delivery = await eventually(
                lambda endpoint=endpoint, event=event: other.delivery(endpoint, event),
                lambda it: it.get("state") == "delivered",
                within=60,
            )
            assert len(delivery["attempts"]) == 1
    assert names.hanging == THREADS // 4
    posts = Counter((it.webhook_id, it.path) for it in hooks.requests)
    assert len(posts) == sum(posts.values()) == ENDPOINTS * EVENTS

    waiting = [
        it
        for it in [await busy.delivery(endpoint, stuck["id"]) for endpoint in hanging]
        if not it["attempts"]
    ]
    assert len(waiting) >= HANGING - 2 * THREADS
    names.answer.set()
    await assert_eventually(lambda: len(hooks.requests) == ENDPOINTS * EVENTS + HANGING, within=200)
    posts = Counter((it.webhook_id, it.path) for it in hooks.requests)
    assert len(posts) == ENDPOINTS * EVENTS + HANGING
