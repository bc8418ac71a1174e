"""Statistics over REST."""

import pytest
from support.receiver import Receiver, answering
from support.stack import Stack
from support.waiting import eventually


async def stats(service: Stack, path: str = "", **params: object) -> dict[str, object]:
    """Return figures of the tenant, or of what is at a path of its own."""
    answer = await service.http.get(f"{service.root}{path}/stats", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("window", [3_600, 86_400])
async def test_nothing_attempted(service: Stack, hooks: Receiver, window: int) -> None:
    """Without attempts there is no rate, no latency and no last delivery."""
    endpoint = await service.add_endpoint(hooks.url)
    path = f"/endpoints/{endpoint['id']}"
    shown = await stats(service, path, window_seconds=window)
    assert shown.pop("since") < endpoint["created_at"]
    assert shown == {
        "endpoint_id": endpoint["id"],
        "window_seconds": window,
        "attempts": 0,
        "delivered": 0,
        "failed": 0,
        "outcomes": {},
        "success_rate": None,
        "latency_p50_ms": None,
        "latency_p95_ms": None,
        "latency_error_percent": 20,
        "last_delivery_at": None,
        "held": 0,
    }
    assert (await stats(service, path))["window_seconds"] == 3_600


@pytest.mark.parametrize("window", ["60", "7200", "0", "-3600", "1e9", "hour", ""])
async def test_other_windows_are_refused(service: Stack, hooks: Receiver, window: str) -> None:
    """Only an hour and a day are counted; any other window is a 422 that names these."""
    endpoint = await service.add_endpoint(hooks.url)
    path = f"{service.root}/endpoints/{endpoint['id']}/stats"
    answer = await service.http.get(path, params={"window_seconds": window})
    assert answer.status_code == 422
    assert "3600 or 86400" in answer.json()["detail"]


async def test_what_is_not_there(service: Stack) -> None:
    """Neither an unknown endpoint nor an unknown tenant has figures."""
    for path in (f"{service.root}/endpoints/ep_none/stats", "/v1/tenants/t_none/stats"):
        assert (await service.http.get(path)).status_code == 404


async def test_failures_are_shown_at_once(service: Stack, hooks: Receiver) -> None:
    """A failed attempt is in the figures as soon as it is in the log, and what is held too."""
    hooks.behave = answering(503)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [600]})
    path = f"/endpoints/{endpoint['id']}"
    event = await service.publish()
    await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]), lambda it: it.get("next_attempt_at")
    )
    shown = await stats(service, path)
    assert (shown["outcomes"], shown["success_rate"]) == ({"http_error": 1}, 0.0)
    assert shown["latency_p50_ms"] == shown["latency_p95_ms"] > 0
    await service.http.post(f"{service.root}{path}/pause")
    await service.publish()
    await eventually(lambda: stats(service, path), lambda it: it["held"] == 1)


async def test_totals_by_state(service: Stack, hooks: Receiver) -> None:
    """A tenant's deliveries are counted in the state that the log shows them in, all of them."""
    brief = {"name": "Test", "hold_for_seconds": 1}
    assert (await service.http.put(service.root, json=brief)).is_success
    hooks.behave = lambda it: answering(500 if b"broken" in it.body else 200)(it)

    async def publish(number: int, event_type: str, **fields: object) -> dict[str, object]:
        endpoint = await service.add_endpoint(hooks.url, event_types=[event_type], **fields)
        for _ in range(number):
            await service.publish(type=event_type)
        return endpoint

    parked = await publish(0, "parked.expires")
    await service.http.post(f"{service.root}/endpoints/{parked['id']}/pause")
    await service.publish(type="parked.expires")
    await publish(3, "fine")
    await publish(2, "broken.soon", retry={"schedule_seconds": [0.1]})
    await publish(2, "broken.later", retry={"schedule_seconds": [600]})
    left = await publish(1, "broken.left", retry={"schedule_seconds": [600]})
    await service.http.delete(f"{service.root}/endpoints/{left['id']}")
    expected = {"delivered": 3, "exhausted": 2, "pending": 2, "cancelled": 1, "expired": 1}
    first = await eventually(
        lambda: stats(service),
        lambda it: it["deliveries"] == {**expected, "held": 0},
        within=60,
    )
    # What is held stays so for as long as it takes to count it.
    longer = {"name": "Test", "hold_for_seconds": 3_600}
    assert (await service.http.put(service.root, json=longer)).is_success
    await service.publish(type="parked.expires")
    second = await eventually(
        lambda: stats(service), lambda it: it["deliveries"] == {**expected, "held": 1}, within=60
    )
    assert second["counted_at"] > first["counted_at"]
