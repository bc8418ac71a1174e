"""Paused, disabled, slowed down: what is accepted meanwhile arrives later, in order."""

import asyncio

import pytest
from support.receiver import Receiver, Reply
from support.stack import Stack
from support.waiting import assert_eventually, eventually

pytestmark = pytest.mark.cluster


async def endpoint_until(service: Stack, endpoint: str, **expected: object) -> dict[str, object]:
    async def read() -> dict[str, object]:
        return (await service.http.get(f"{service.root}/endpoints/{endpoint}")).json()

    return await eventually(
        read, lambda it: all(it[name] == value for name, value in expected.items()), within=60
    )


async def test_pause_holds_and_resume_delivers_in_order(service: Stack, hooks: Receiver) -> None:
    """While paused nothing is POSTed and all is `held`; resumed, all arrives once, in order."""
    endpoint = await service.add_endpoint(hooks.url)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    paused = (await service.http.post(f"{path}/pause")).json()
    assert paused["status"] == "paused"
    events = [(await service.publish())["id"] for _ in range(12)]
    held = await endpoint_until(service, endpoint["id"], held=12)
    assert held["health"] == "green"
    listed = f"{service.root}/deliveries?state=held&limit=100"

    async def count_held() -> int:
        return len((await service.http.get(listed)).json()["data"])

    await eventually(count_held, lambda n: n == 12)
    assert hooks.requests == []
    resumed = (await service.http.post(f"{path}/resume")).json()
    assert resumed["status"] == "active"
    await assert_eventually(lambda: len(hooks.requests) == 12, within=60)
    assert hooks.ids() == events
    after = await endpoint_until(service, endpoint["id"], held=0, draining_since=None)
    assert after["consecutive_failures"] == 0
    assert await eventually(count_held, lambda n: n == 0) == 0


DOWN = {
    "retry": {"schedule_seconds": [1] * 30},
    "deactivation": {"failing_for_seconds": 3},
    "drain_per_second": 20,
}


async def test_outage_costs_nothing_but_time(service: Stack, hooks: Receiver) -> None:
    """200 events while the receiver is down, which gets it disabled: all arrive, once, in order."""
    up = asyncio.Event()
    hooks.behave = lambda _: Reply(200 if up.is_set() else 500)
    endpoint = await service.add_endpoint(hooks.url, **DOWN)
    events = [(await service.publish())["id"] for _ in range(100)]
    disabled = await endpoint_until(service, endpoint["id"], status="disabled")
    assert disabled["disabled_reason"] == "failing_too_long"
    assert disabled["health"] == "red"
    assert disabled["next_probe_at"]
    events += [(await service.publish())["id"] for _ in range(100)]
    await endpoint_until(service, endpoint["id"], held=200)
    held = f"DeliveryState = 'held' AND EndpointId = '{endpoint['id']}'"

    async def visible() -> int:
        return (await service.client.count_workflows(held)).count

    # What visibility does not show yet is released later than what it shows.
    await eventually(visible, lambda number: number == 200)
    failed = len(hooks.requests)
    up.set()
    # A change may have mended it: it is probed at once.
    path = f"{service.root}/endpoints/{endpoint['id']}"
    await service.http.patch(path, json={"description": "mended"})
    began = asyncio.get_running_loop().time()
    await assert_eventually(lambda: len(hooks.requests) - failed == 200, within=90)
    took = asyncio.get_running_loop().time() - began
    assert hooks.ids()[failed:] == events
    assert took > 200 / DOWN["drain_per_second"]
    recovered = await endpoint_until(service, endpoint["id"], status="active", held=0)
    assert recovered["disabled_reason"] is None
