"""Filters that cost more than they may harm the tenant that has them, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.receiver import Receiver
from support.stack import Stack
from support.waiting import assert_eventually, eventually

HOSTILE = "data.l[?" + "&&".join("@" * 200) + "]"
FILTERS = 20
DATA = {"l": [*range(1, 5_001)]}
LONGEST_STALL_SECONDS = 2.0
"""On two cores beside other work. One such filter, evaluated in the loop, stalled it for 3.5 s."""


@asynccontextmanager
async def stalls() -> AsyncIterator[list[float]]:
    """Measure how long this loop, in which API and worker run, makes others wait."""
    clock, found = asyncio.get_running_loop().time, [0.0]

    async def tick() -> None:
        while True:
            before = clock()
            await asyncio.sleep(0.01)
            found.append(clock() - before)

    ticking = asyncio.create_task(tick())
    try:
        yield found
    finally:
        ticking.cancel()


async def test_hostile_filters_harm_their_tenant_only(service: Stack, hooks: Receiver) -> None:
    """Others are served, also other filters; a hostile one gives `filter_error` and no POST."""
    plain = await service.add_endpoint(f"{hooks.url}/plain")
    hostile = [
        await service.add_endpoint(
            f"{hooks.url}/hostile", filter=f"{HOSTILE} || `{n}`", retry={"schedule_seconds": []}
        )
        for n in range(FILTERS)
    ]
    for name, number in (("wanted", 1), ("unwanted", 2)):
        await service.add_endpoint(f"{hooks.url}/{name}", filter=f"data.l[0] == `{number}`")
    other = await service.with_new_tenant()
    await other.add_endpoint(f"{hooks.url}/other")
    async with stalls() as measured:
        event = await service.publish(data=DATA)
        theirs = await other.publish()
        await assert_eventually(lambda: len(hooks.requests) == 3, within=60)
        posts = {(request.path, request.webhook_id) for request in hooks.requests}
        assert posts == {
            ("/hooks/plain", event["id"]),
            ("/hooks/wanted", event["id"]),
            ("/hooks/other", theirs["id"]),
        }
        for endpoint in hostile:
            delivery = await eventually(
                lambda one=endpoint["id"]: service.delivery(one, event["id"]),
                lambda it: it.get("state") == "exhausted",
                within=60,
            )
            [attempt] = delivery["attempts"]
            assert (attempt["outcome"], attempt["status_code"]) == ("filter_error", None)
            assert "make it simpler" in attempt["error"]
    assert max(measured) < LONGEST_STALL_SECONDS
    assert len(hooks.requests) == 3
    shown = (await service.http.get(f"{service.root}/events/{event['id']}")).json()
    assert len(shown["deliveries"]) == FILTERS + 2  # the filter that is not met has none
    answer = await service.http.post(
        f"{service.root}/endpoints/{hostile[0]['id']}/match",
        json={"type": "loan.funded", "data": DATA},
    )
    assert not answer.json()["matches"]
    [reason] = [it for it in answer.json()["reasons"] if not it["passes"]]
    assert (reason["check"], "100000 steps" in reason["detail"]) == ("filter", True)
    fine = await service.delivery(plain["id"], event["id"])
    assert fine["state"] == "delivered"


async def test_a_mended_filter_lets_the_next_attempt_pass(service: Stack, hooks: Receiver) -> None:
    """Once the filter is simple the next attempt asks it, and is a POST if it lets it through."""
    endpoints = [
        await service.add_endpoint(
            f"{hooks.url}/{name}", filter=HOSTILE, retry={"schedule_seconds": [4, 600]}
        )
        for name in ("wanted", "unwanted")
    ]
    event = await service.publish(data=DATA)
    for endpoint in endpoints:
        await eventually(
            lambda one=endpoint["id"]: service.delivery(one, event["id"]),
            lambda it: [each["outcome"] for each in it.get("attempts", [])] == ["filter_error"],
        )
    for endpoint, mended in zip(endpoints, ("data.l[0] == `1`", "data.l[0] == `2`"), strict=True):
        path = f"{service.root}/endpoints/{endpoint['id']}"
        assert (await service.http.patch(path, json={"filter": mended})).status_code == 200
    for endpoint, state in zip(endpoints, ("delivered", "cancelled"), strict=True):
        await eventually(
            lambda one=endpoint["id"]: service.delivery(one, event["id"]),
            lambda it, state=state: it["state"] == state,
        )
    assert [request.path for request in hooks.requests] == ["/hooks/wanted"]


async def test_costly_template_is_told(service: Stack, hooks: Receiver) -> None:
    """A payload template that costs too much is a `template_error`; a costly one is rendered."""
    costly = await service.add_endpoint(hooks.url, payload_template="{found: data.l[?@ > `4998`]}")
    hostile = await service.add_endpoint(
        hooks.url, payload_template=HOSTILE, retry={"schedule_seconds": []}
    )
    event = await service.publish(data=DATA)
    await eventually(
        lambda: service.delivery(costly["id"], event["id"]),
        lambda it: it.get("state") == "delivered",
    )
    delivery = await eventually(
        lambda: service.delivery(hostile["id"], event["id"]),
        lambda it: it.get("state") == "exhausted",
    )
    [attempt] = delivery["attempts"]
    assert attempt["outcome"] == "template_error"
    assert "100000 steps" in attempt["error"]
    assert [request.body for request in hooks.requests] == [b'{"found":[4999,5000]}']
