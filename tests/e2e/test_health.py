"""An endpoint's health end to end: what disables it, which notices are sent, how it is probed."""

import json

import pytest
from standardwebhooks import Webhook
from support.receiver import Receiver, Reply, answering
from support.stack import Stack
from support.waiting import assert_eventually, eventually

pytestmark = pytest.mark.cluster

OPERATIONAL = ["endpoint.*", "delivery.*"]


async def read(service: Stack, endpoint: str) -> dict[str, object]:
    return (await service.http.get(f"{service.root}/endpoints/{endpoint}")).json()


async def state_of(service: Stack, endpoint: str, event: str) -> str:
    return (await service.delivery(endpoint, event)).get("state", "none")


async def until_state(service: Stack, endpoint: str, event: str, state: str) -> None:
    await eventually(lambda: state_of(service, endpoint, event), lambda it: it == state, within=40)


async def test_gone_ends_deliveries(service: Stack, hooks: Receiver) -> None:
    """410 Gone disables at once; what comes then is cancelled, and what was held too."""
    hooks.behave = answering(410)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [1, 1]})
    first = await service.publish()
    await eventually(
        lambda: read(service, endpoint["id"]), lambda it: it["disabled_reason"] == "gone"
    )
    second = await service.publish()
    for event in (first, second):
        await until_state(service, endpoint["id"], event["id"], "cancelled")
    assert len(hooks.requests) == 1
    shown = await read(service, endpoint["id"])
    assert (shown["status"], shown["health"], shown["next_probe_at"]) == ("disabled", "red", None)


async def test_exhausted_table_disables_cr3dentials(service: Stack, hooks: Receiver) -> None:
    """When a table runs out the endpoint is disabled; subscribers get each notice once."""
    hooks.behave = lambda it: Reply(500 if "bad" in it.path else 200)
    endpoint = await service.add_endpoint(
        f"{hooks.url}/bad", contract="cr3dentials", retry={"schedule_seconds": [0.2]}
    )
    await service.add_endpoint(f"{hooks.url}/notices", event_types=OPERATIONAL)
    await service.add_endpoint(f"{hooks.url}/all", event_types=["*"])
    event = await service.publish(endpoint_id=endpoint["id"])
    await until_state(service, endpoint["id"], event["id"], "exhausted")
    expected = [r"delivery.exhausted", "endpoint.disabled"]
    await assert_eventually(lambda: sorted(types(hooks, "notices")) == expected)
    held = await service.publish(endpoint_id=endpoint["id"])
    await until_state(service, endpoint["id"], held["id"], "held")
    assert (await read(service, endpoint["id"]))["disabled_reason"] == "exhausted"
    hooks.behave = lambda _: Reply()
    await service.http.post(f"{service.root}/endpoints/{endpoint['id']}/resume")
    await until_state(service, endpoint["id"], held["id"], "delivered")
    await assert_eventually(
        lambda: sorted(types(hooks, "notices")) == [*expected, "endpoint.recovered"]
    )
    assert types(hooks, "all") == []


def types(hooks: Receiver, path: str) -> list[str]:
    return [json.loads(it.body)["type"] for it in hooks.requests if it.path.endswith(path)]


async def test_throttled_receiver_gets_quiet(service: Stack, hooks: Receiver) -> None:
    """After a 429 the other deliveries wait too, in order; each arrives once it is over."""
    # Long enough to publish and to be held meanwhile, also on a slow machine.
    left = [Reply(429, (("retry-after", "8"),))]
    hooks.behave = lambda _: left.pop() if left else Reply()
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [3]})
    first = await service.publish()
    await eventually(lambda: read(service, endpoint["id"]), lambda it: it["throttled_until"])
    events = [(await service.publish())["id"] for _ in range(5)]
    await eventually(lambda: read(service, endpoint["id"]), lambda it: it["held"] > 0)
    assert len(hooks.requests) == 1
    await assert_eventually(lambda: {first["id"], *events} <= set(hooks.ids()[1:]), within=60)
    assert [each for each in hooks.ids()[1:] if each != first["id"]] == events
    calm = await eventually(
        lambda: read(service, endpoint["id"]),
        lambda it: not it["held"] and not it["throttled_until"] and not it["draining_since"],
    )
    assert (calm["status"], calm["health"]) == ("active", "yellow")


async def test_held_for_too_long_expires(service: Stack, hooks: Receiver) -> None:
    """Held longer than the tenant's `hold_for_seconds` a delivery is `expired`, with a notice."""
    await service.http.put(service.root, json={"hold_for_seconds": 1})
    endpoint = await service.add_endpoint(f"{hooks.url}/held")
    await service.add_endpoint(f"{hooks.url}/notices", event_types=["delivery.expired"])
    path = f"{service.root}/endpoints/{endpoint['id']}"
    await service.http.post(f"{path}/pause")
    event = await service.publish()
    await until_state(service, endpoint["id"], event["id"], "held")
    await until_state(service, endpoint["id"], event["id"], "expired")
    await assert_eventually(lambda: types(hooks, "notices") == ["delivery.expired"])
    await eventually(lambda: read(service, endpoint["id"]), lambda it: it["held"] == 0)

    async def listed() -> list[str]:
        answer = await service.http.get(f"{service.root}/deliveries?state=expired")
        return [each["event_id"] for each in answer.json()["data"]]

    await eventually(listed, lambda it: it == [event["id"]])
    await service.http.post(f"{path}/resume")
    assert types(hooks, "held") == []


async def test_test_event(service: Stack, hooks: Receiver) -> None:
    """A test is signed, waits for the outcome, counts in nothing, and offers to resume."""
    endpoint = await service.add_endpoint(hooks.url)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    hooks.behave = answering(500, 204)
    failed = (await service.http.post(f"{path}/test")).json()
    assert (failed["outcome"], failed["status_code"], failed["trigger"], failed["resume"]) == (
        "http_error", 500, "test", None,
    )  # fmt: skip
    await service.http.post(f"{path}/pause")
    passed = (await service.http.post(f"{path}/test", json={"type": "loan.funded"})).json()
    assert (passed["outcome"], passed["resume"]) == ("delivered", f"{path}/resume")
    assert [json.loads(it.body)["type"] for it in hooks.requests] == [
        "endpoint.test",
        "loan.funded",
    ]
    received = hooks.requests[1]
    Webhook(endpoint["secret"]).verify(received.body, received.headers)
    shown = await read(service, endpoint["id"])
    assert (shown["consecutive_failures"], shown["success_rate_hour"]) == (0, None)
    listed = await service.http.get(f"{service.root}/deliveries")
    assert listed.json()["data"] == []


async def test_test_event_of_nobody(service: Stack) -> None:
    """A test of an endpoint that is not there is a 404."""
    answer = await service.http.post(f"{service.root}/endpoints/ep_none/test")
    assert answer.status_code == 404
    for verb in ("pause", "resume"):
        answer = await service.http.post(f"{service.root}/endpoints/ep_none/{verb}")
        assert answer.status_code == 404


async def test_parked_just_as_the_endpoint_comes_back(service: Stack, hooks: Receiver) -> None:
    """However fast an endpoint is paused and resumed, each event arrives exactly once."""
    endpoint = await service.add_endpoint(hooks.url, drain_per_second=50)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    events = []
    for _ in range(8):
        await service.http.post(f"{path}/pause")
        events += [(await service.publish())["id"] for _ in range(3)]
        await service.http.post(f"{path}/resume")
        events += [(await service.publish())["id"] for _ in range(2)]
    await assert_eventually(lambda: len(hooks.requests) >= len(events), within=60)
    assert sorted(hooks.ids()) == sorted(events)
    await eventually(lambda: read(service, endpoint["id"]), lambda it: not it["held"], within=40)
