"""Endpoints with a rate limit: what is beyond it waits, and is no attempt."""

from typing import Any

import pytest
from support.receiver import Receiver, answering, receiver
from support.stack import Stack
from support.waiting import assert_eventually, eventually

pytestmark = pytest.mark.cluster

SLOWEST = 0.01


async def shown(service: Stack, endpoint: dict[str, Any]) -> dict[str, Any]:
    return (await service.http.get(f"{service.root}/endpoints/{endpoint['id']}")).json()


async def change(service: Stack, endpoint: dict[str, Any], **fields: Any) -> None:
    answer = await service.http.patch(f"{service.root}/endpoints/{endpoint['id']}", json=fields)
    assert answer.is_success, answer.text


async def publish(service: Stack, number: int) -> list[str]:
    return [(await service.publish())["id"] for _ in range(number)]


async def test_what_is_beyond_the_limit_waits(service: Stack, hooks: Receiver) -> None:
    """One attempt goes out; the others wait without an attempt, a failure or a change of health."""
    endpoint = await service.add_endpoint(hooks.url, rate_limit_per_second=SLOWEST)
    events = await publish(service, 6)
    view = await eventually(
        lambda: shown(service, endpoint), lambda it: it["waiting"] == 5, within=60
    )
    [first] = hooks.ids()
    assert (view["health"], view["held"], view["consecutive_failures"]) == ("green", 0, 0)
    assert view["waiting_since"] is not None
    waits = next(event for event in events if event != first)
    waiting = await service.delivery(endpoint["id"], waits)
    assert (waiting["state"], waiting["attempts"]) == ("pending", [])
    await change(service, endpoint, rate_limit_per_second=None)
    await assert_eventually(lambda: sorted(hooks.ids()) == sorted(events))
    view = await eventually(
        lambda: shown(service, endpoint), lambda it: it["waiting"] == 0, within=60
    )
    assert view["waiting_since"] is None


async def test_a_higher_limit_holds_for_those_that_wait(service: Stack, hooks: Receiver) -> None:
    """A change of limit and URL while many wait takes effect for them, in their order."""
    endpoint = await service.add_endpoint(hooks.url, rate_limit_per_second=SLOWEST)
    events = await publish(service, 40)
    await eventually(lambda: shown(service, endpoint), lambda it: it["waiting"] == 39, within=60)
    async with receiver() as new_hooks:
        await change(service, endpoint, rate_limit_per_second=200, url=new_hooks.url)
        await assert_eventually(lambda: len(new_hooks.ids()) >= 39, within=60)
        assert sorted(hooks.ids() + new_hooks.ids()) == sorted(events)


async def test_an_order_may_be_given_to_those_that_wait(service: Stack, hooks: Receiver) -> None:
    """With an order in place of the limit, those that wait go one after the other."""
    endpoint = await service.add_endpoint(hooks.url, rate_limit_per_second=SLOWEST)
    events = await publish(service, 1)
    await assert_eventually(lambda: len(hooks.ids()) == 1, within=60)  # or the next may overtake it
    for number in range(1, 15):  # without an order, places are taken as deliveries come
        events += await publish(service, 1)
        await eventually(
            lambda: shown(service, endpoint),
            lambda it, number=number: it["waiting"] == number,
            within=60,
        )
    await change(service, endpoint, rate_limit_per_second=None, ordering="fifo")
    await assert_eventually(lambda: len(hooks.ids()) >= 15, within=60)
    assert hooks.ids() == events


async def test_a_retry_waits_for_its_turn_too(service: Stack, hooks: Receiver) -> None:
    """A retry that is due counts against the limit like a first attempt."""
    endpoint = await service.add_endpoint(
        hooks.url, rate_limit_per_second=SLOWEST, retry={"schedule_seconds": [0.1, 0.1]}
    )
    hooks.behave = answering(500, 200)
    [event] = await publish(service, 1)
    delivery = await eventually(
        lambda: service.delivery(endpoint["id"], event), lambda it: it.get("attempts")
    )
    await eventually(lambda: shown(service, endpoint), lambda it: it["waiting"] == 1, within=60)
    assert [each["outcome"] for each in delivery["attempts"]] == ["http_error"]
    assert delivery["state"] == "pending"
    await change(service, endpoint, rate_limit_per_second=100)
    delivery = await eventually(
        lambda: service.delivery(endpoint["id"], event), lambda it: it["state"] == "delivered"
    )
    assert [each["trigger"] for each in delivery["attempts"]] == ["schedule", "schedule"]


async def test_other_endpoints_have_their_own_limits(service: Stack, hooks: Receiver) -> None:
    """Another endpoint of the tenant, and a person's retry, do not wait."""
    async with receiver() as free_hooks:
        limited = await service.add_endpoint(hooks.url, rate_limit_per_second=SLOWEST)
        await service.add_endpoint(free_hooks.url)
        events = await publish(service, 4)
        await assert_eventually(lambda: {*free_hooks.ids()} == {*events})
        await eventually(lambda: shown(service, limited), lambda it: it["waiting"] == 3, within=60)
        waiting = next(each for each in events if each not in hooks.ids())
        await service.http.post(f"{service.root}/deliveries/{limited['id']}:{waiting}/retry")
        await assert_eventually(lambda: waiting in hooks.ids())


async def test_what_was_held_waits_for_its_turn_after_a_resume(
    service: Stack, hooks: Receiver
) -> None:
    """Held deliveries are not sent faster than the limit, whatever the pace of their release."""
    endpoint = await service.add_endpoint(
        hooks.url, rate_limit_per_second=SLOWEST, drain_per_second=1_000
    )
    path = f"{service.root}/endpoints/{endpoint['id']}"
    await service.http.post(f"{path}/pause")
    events = await publish(service, 4)
    await change(service, endpoint, rate_limit_per_second=100)
    await eventually(lambda: shown(service, endpoint), lambda it: it["held"] == 4, within=60)
    await change(service, endpoint, rate_limit_per_second=SLOWEST)
    await service.http.post(f"{path}/resume")
    await eventually(lambda: shown(service, endpoint), lambda it: it["waiting"] == 4, within=60)
    assert not hooks.ids()
    await change(service, endpoint, rate_limit_per_second=None)
    await assert_eventually(lambda: {*hooks.ids()} == {*events}, within=60)
    assert len(hooks.ids()) == 4


@pytest.mark.parametrize("limit", [0, -1, 0.009, 10_001, 1e9, "NaN", "fast"])
async def test_a_limit_out_of_range_is_refused(service: Stack, limit: object) -> None:
    """A limit that cannot be kept is a 422 which names the field."""
    answer = await service.http.post(
        f"{service.root}/endpoints",
        json={"url": "http://127.0.0.1:9/", "rate_limit_per_second": limit},
    )
    assert answer.status_code == 422
    assert "rate_limit_per_second" in answer.text
