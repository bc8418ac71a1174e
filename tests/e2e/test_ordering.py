"""Endpoints with an order: one delivery at a time, in the order of acceptance."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.receiver import Behaviour, Received, Receiver, Reply, answering, receiver
from support.stack import Stack
from support.waiting import assert_eventually, eventually
from temporalio.service import RPCError, RPCStatusCode

from hookwright.ids import event_workflow_id, queue_workflow_id
from hookwright.metrics import REGISTRY
from hookwright.queueing import QueuePlace
from hookwright.temporal import described, take_places

pytestmark = pytest.mark.cluster

QUICK = {"schedule_seconds": [0.1] * 20}
SLOW = {"schedule_seconds": [600.0]}


@pytest.fixture
async def ordered(service: Stack, hooks: Receiver) -> AsyncIterator[dict[str, Any]]:
    """Return an endpoint with an order, which retries at once."""
    endpoint = await service.add_endpoint(hooks.url, ordering="fifo", retry=QUICK)
    yield endpoint
    await service.http.delete(f"{service.root}/endpoints/{endpoint['id']}")


async def shown(service: Stack, endpoint: dict[str, Any]) -> dict[str, Any]:
    return (await service.http.get(f"{service.root}/endpoints/{endpoint['id']}")).json()


async def change(service: Stack, endpoint: dict[str, Any], **fields: Any) -> None:
    answer = await service.http.patch(f"{service.root}/endpoints/{endpoint['id']}", json=fields)
    assert answer.is_success, answer.text


async def publish(service: Stack, number: int, **fields: Any) -> list[str]:
    return [(await service.publish(**fields))["id"] for _ in range(number)]


def refusing(event_id: str) -> Behaviour:
    """Return the behaviour of a receiver that fails for one event only."""
    return lambda request: Reply(500 if request.webhook_id == event_id else 200)


async def test_the_order_is_that_of_acceptance_whatever_fails(
    service: Stack, hooks: Receiver, ordered: dict[str, Any]
) -> None:
    """Each event arrives after those before it, although a third of the attempts fail."""
    chance = random.Random(4)
    arrived: list[str] = []

    def behave(request: Received) -> Reply:
        if chance.random() < 1 / 3:
            return Reply(500)
        arrived.append(request.webhook_id)
        return Reply()

    hooks.behave = behave
    events = await publish(service, 30)
    await assert_eventually(lambda: len(arrived) >= len(events), within=60)
    assert arrived == events
    assert (await shown(service, ordered))["ordering"] == "fifo"


async def test_others_do_not_wait(service: Stack, hooks: Receiver, ordered: dict[str, Any]) -> None:
    """The tenant's other endpoint gets all events while the ordered one waits for its first."""
    await change(service, ordered, retry=SLOW)
    async with receiver() as other_hooks:
        await service.add_endpoint(other_hooks.url)
        hooks.behave = answering(500)
        events = await publish(service, 5)
        await assert_eventually(lambda: {*other_hooks.ids()} == {*events})
        view = await eventually(
            lambda: shown(service, ordered), lambda it: it["waiting"] == 4, within=60
        )
        assert hooks.ids() == events[:1]
        assert view["waiting_since"] is not None
        hooks.behave = answering(200)
        await service.http.post(f"{service.root}/deliveries/{ordered['id']}:{events[0]}/retry")
        await assert_eventually(lambda: hooks.ids() == [events[0], *events])


async def test_ordering_keys_do_not_wait_for_each_other(
    service: Stack, hooks: Receiver, ordered: dict[str, Any]
) -> None:
    """Order holds within a key; the events of another key, and those without, go on."""
    await change(service, ordered, retry=SLOW)
    [stuck] = await publish(service, 1, ordering_key="a")
    hooks.behave = refusing(stuck)
    await assert_eventually(lambda: hooks.ids() == [stuck])
    await publish(service, 2, ordering_key="a")
    going = [*(await publish(service, 3, ordering_key="b")), *(await publish(service, 2))]
    await assert_eventually(lambda: {*hooks.ids()} == {stuck, *going})
    in_order = [each for each in hooks.ids() if each in going]
    assert [each for each in in_order if each in going[:3]] == going[:3]
    assert await eventually(
        lambda: shown(service, ordered), lambda it: it["waiting"] == 2, within=60
    )


async def test_after_one_that_was_given_up_the_next_goes(
    service: Stack, hooks: Receiver, ordered: dict[str, Any]
) -> None:
    """`skip`: the queue goes on when the attempts of its head have run out."""
    await change(service, ordered, retry={"schedule_seconds": [0.1]})
    hooks.behave = answering(500, 500, 200)
    events = await publish(service, 3)
    await assert_eventually(lambda: hooks.ids() == [events[0], *events])


async def test_after_one_that_was_given_up_all_wait_for_a_person(
    service: Stack, hooks: Receiver, ordered: dict[str, Any]
) -> None:
    """`hold`: the endpoint shows which event it waits for, and goes on after it was resent."""
    await change(service, ordered, retry={"schedule_seconds": [0.1]}, on_give_up="hold")
    hooks.behave = answering(500)
    events = await publish(service, 3)
    view = await eventually(lambda: shown(service, ordered), lambda it: it["blocked_by"], within=60)
    assert view["blocked_by"] == events[0]
    assert {*hooks.ids()} == {events[0]}
    hooks.behave = answering(200)
    await service.http.post(f"{service.root}/deliveries/{ordered['id']}:{events[0]}/retry")
    await assert_eventually(lambda: hooks.ids()[-3:] == events)
    view = await eventually(
        lambda: shown(service, ordered), lambda it: it["blocked_by"] is None, within=60
    )


async def test_a_person_may_also_let_the_others_go(
    service: Stack, hooks: Receiver, ordered: dict[str, Any]
) -> None:
    """A change from `hold` to `skip` lets the queue go on."""
    await change(service, ordered, retry={"schedule_seconds": [0.1]}, on_give_up="hold")
    [stuck] = await publish(service, 1)
    hooks.behave = refusing(stuck)
    others = await publish(service, 2)
    await eventually(
        lambda: shown(service, ordered), lambda it: it["blocked_by"] == stuck, within=60
    )
    await change(service, ordered, on_give_up="skip")
    await assert_eventually(lambda: hooks.ids()[-2:] == others)


async def test_the_order_survives_a_pause(
    service: Stack, hooks: Receiver, ordered: dict[str, Any]
) -> None:
    """While it is paused only the head is held; after the resume all arrive in order."""
    path = f"{service.root}/endpoints/{ordered['id']}"
    await service.http.post(f"{path}/pause")
    events = await publish(service, 12)
    await eventually(lambda: shown(service, ordered), lambda it: it["held"] == 1, within=60)
    await eventually(lambda: shown(service, ordered), lambda it: it["waiting"] == 11, within=60)
    assert not hooks.ids()
    await service.http.post(f"{path}/resume")
    await assert_eventually(lambda: len(hooks.ids()) >= len(events), within=60)
    assert hooks.ids() == events
    await eventually(lambda: shown(service, ordered), lambda it: it["held"] == 0, within=60)


async def test_the_order_survives_an_outage(
    service: Stack, hooks: Receiver, ordered: dict[str, Any]
) -> None:
    """An endpoint that is disabled and probed back gets all events in order."""
    rule = {"exhausted_in_a_row": 1}
    await change(service, ordered, deactivation=rule, retry={"schedule_seconds": [0.1]})
    hooks.behave = answering(500)
    [first] = await publish(service, 1)
    await eventually(
        lambda: shown(service, ordered), lambda it: it["status"] == "disabled", within=60
    )
    rest = await publish(service, 5)
    await eventually(lambda: shown(service, ordered), lambda it: it["held"] == 1, within=60)
    hooks.behave = answering(200)
    hooks.requests.clear()
    await change(service, ordered, description="mended: probe it")
    await assert_eventually(lambda: len(hooks.ids()) >= len(rest), within=60)
    assert hooks.ids() == rest
    assert first not in hooks.ids()


async def test_without_the_order_all_go_at_once(
    service: Stack, hooks: Receiver, ordered: dict[str, Any]
) -> None:
    """A change to `none` lets all go that wait, to the URL that the endpoint has then."""
    await change(service, ordered, retry=SLOW)
    hooks.behave = answering(500)
    events = await publish(service, 20)
    await eventually(lambda: shown(service, ordered), lambda it: it["waiting"] == 19, within=60)
    async with receiver() as new_hooks:
        await change(service, ordered, ordering="none", url=new_hooks.url)
        await assert_eventually(lambda: {*new_hooks.ids()} == {*events[1:]})
        assert len(new_hooks.ids()) == len(events) - 1


async def test_a_person_may_let_one_pass_the_others(
    service: Stack, hooks: Receiver, ordered: dict[str, Any]
) -> None:
    """A retry of a delivery that waits in the queue is made at once, and only once."""
    await change(service, ordered, retry=SLOW)
    [stuck] = await publish(service, 1)
    hooks.behave = refusing(stuck)
    events = await publish(service, 2)
    await eventually(lambda: shown(service, ordered), lambda it: it["waiting"] == 2, within=60)
    await service.http.post(f"{service.root}/deliveries/{ordered['id']}:{events[1]}/retry")
    await assert_eventually(lambda: events[1] in hooks.ids())
    hooks.behave = answering(200)
    await service.http.post(f"{service.root}/deliveries/{ordered['id']}:{stuck}/retry")
    await assert_eventually(lambda: events[0] in hooks.ids())
    await eventually(lambda: shown(service, ordered), lambda it: it["waiting"] == 0, within=60)
    assert hooks.ids().count(events[1]) == 1


async def test_events_for_two_ordered_endpoints(
    service: Stack, hooks: Receiver, ordered: dict[str, Any]
) -> None:
    """The order holds for events that a worker fans out, at both endpoints."""
    async with receiver() as other_hooks:
        await service.add_endpoint(other_hooks.url, ordering="fifo", retry=QUICK)
        events = await publish(service, 15)
        await assert_eventually(lambda: len(hooks.ids()) >= 15, within=60)
        await assert_eventually(lambda: len(other_hooks.ids()) >= 15, within=60)
        assert hooks.ids() == other_hooks.ids() == events
        assert ordered["ordering"] == "fifo"


async def test_an_event_that_a_filter_refuses_leaves_no_gap(
    service: Stack, hooks: Receiver, ordered: dict[str, Any]
) -> None:
    """The place of an event whose costly filter refuses it later does not hold up the others."""
    costly = "length(data.a[*].b[*].c[*][]) > `5`"
    await change(service, ordered, filter=costly)
    deep = [{"b": [{"c": [1] * 10}] * 10}] * 10
    await service.publish(data={"a": []})
    wanted = await publish(service, 3, data={"a": deep})
    await assert_eventually(lambda: hooks.ids() == wanted, within=30)


async def test_what_waits_for_a_deleted_endpoint_is_cancelled(
    service: Stack, hooks: Receiver
) -> None:
    """Deliveries that wait for their turn end with the endpoint, and their queue with them."""
    endpoint = await service.add_endpoint(hooks.url, ordering="fifo", retry=SLOW)
    hooks.behave = answering(500)
    events = await publish(service, 3)
    await eventually(lambda: shown(service, endpoint), lambda it: it["waiting"] == 2, within=60)
    await service.http.delete(f"{service.root}/endpoints/{endpoint['id']}")
    for event in events:
        await eventually(
            lambda event=event: service.delivery(endpoint["id"], event),
            lambda it: it.get("state") == "cancelled",
            within=30,
        )
    queue_id = queue_workflow_id(service.tenant, endpoint["id"])

    async def is_over() -> bool:
        queue = await described(service.client, queue_id)
        return queue is None or queue.close_time is not None

    await eventually(is_over, within=60)


async def test_a_repeated_publish_takes_no_second_place(
    service: Stack, hooks: Receiver, ordered: dict[str, Any]
) -> None:
    """The queue goes on as if an event that is published twice had been published once."""
    for event_id in ("one", "two", "one", "three"):
        await service.publish(id=event_id)
    await assert_eventually(lambda: len(hooks.ids()) >= 3)
    await eventually(lambda: shown(service, ordered), lambda it: it["waiting"] == 0, within=60)
    assert hooks.ids() == ["one", "two", "three"]


@pytest.mark.usefixtures("ordered")
async def test_a_repeat_of_what_was_delivered_takes_no_place(
    service: Stack, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue does not wait again for an event that is over, however often it is published."""
    await service.publish(id="one")
    await assert_eventually(lambda: hooks.ids() == ["one"])

    async def over() -> bool:
        delivery = await described(service.client, event_workflow_id(service.tenant, "one"))
        return delivery is not None and delivery.close_time is not None

    await eventually(over)
    taken: list[Any] = []

    async def take(*arguments: Any) -> None:
        taken.append(arguments)

    monkeypatch.setattr("api.services.events.take_places", take)
    assert (await service.publish(id="one"))["duplicate"]
    assert taken == []


@pytest.mark.usefixtures("ordered")
async def test_a_repeat_takes_the_place_that_was_not_taken(
    service: Stack, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An API that fails after storing an event counts it, and leaves its place to the repeat."""
    taken: list[QueuePlace] = []

    async def fail_once(*arguments: Any) -> None:
        taken.extend(arguments[4])
        if len(taken) == 1:
            raise RPCError("Temporal is away", RPCStatusCode.UNAVAILABLE, b"")
        await take_places(*arguments)

    monkeypatch.setattr("api.services.events.take_places", fail_once)
    accepted = REGISTRY.get_sample_value("hookwright_events_accepted_total")
    answer = await service.publish(id="one")
    assert answer["duplicate"]
    assert [(place.event_id, place.sole) for place in taken] == [("one", True)] * 2
    assert REGISTRY.get_sample_value("hookwright_events_accepted_total") == accepted + 1
    await assert_eventually(lambda: hooks.ids() == ["one"])
