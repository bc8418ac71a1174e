"""Many lists at once, on a server that allows 10 calls to visibility a second."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from time import monotonic

import httpx
from support.pages import walk
from support.receiver import Receiver
from support.stack import Stack
from support.waiting import eventually

LISTS, PUBLISHES = 200, 20

REFUSED_WITHIN = 5.0
"""Seconds. A refusal takes at most PATIENCE_SECONDS, and what 240 requests at once take of two
cores that API, worker, client and Temporal share here: 1 s when they are idle."""


async def test_burst_of_lists_is_refused_soon(service: Stack, hooks: Receiver) -> None:
    """Of 200 lists at once each is answered or refused soon; publishing and reads go on."""
    endpoint = await service.add_endpoint(hooks.url)
    for number in range(5):
        await service.publish(id=f"evt_{number}")
    paths = [f"{service.root}/deliveries?state=delivered", f"{service.root}/events", "/v1/tenants"]
    await eventually(lambda: walk(service.http, paths[0]), lambda rows: len(rows) == 5)

    async def timed(call: Awaitable[httpx.Response]) -> tuple[httpx.Response, float]:
        began = monotonic()
        return await call, monotonic() - began

    lists = (timed(service.http.get(paths[n % 3])) for n in range(LISTS))
    publishes = (
        service.http.post(
            f"{service.root}/events", json={"id": f"new_{n}", "type": "loan.funded", "data": {}}
        )
        for n in range(PUBLISHES)
    )
    reads = (
        service.http.get(f"{service.root}/deliveries/{endpoint['id']}:evt_{n % 5}")
        for n in range(PUBLISHES)
    )
    listed, published, read = await asyncio.gather(
        asyncio.gather(*lists), asyncio.gather(*publishes), asyncio.gather(*reads)
    )
    assert Counter(answer.status_code for answer in published) == {202: PUBLISHES}
    assert Counter(answer.status_code for answer in read) == {200: PUBLISHES}
    statuses = Counter(answer.status_code for answer, _ in listed)
    assert set(statuses) == {200, 503}, statuses
    for answer, seconds in listed:
        if answer.status_code == 503:
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) >= 1
            assert "visibility" in answer.json()["detail"]
            assert seconds < REFUSED_WITHIN
    again = await eventually(lambda: service.http.get(paths[0]), lambda it: it.status_code == 200)
    assert len(again.json()["data"]) >= 5
