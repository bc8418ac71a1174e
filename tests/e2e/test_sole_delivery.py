"""An event that goes to exactly one endpoint is one execution: its delivery, under its own id."""

from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from typing import Any

import pytest
from support.receiver import Receiver, answering
from support.stack import Stack, api_config, unique
from support.waiting import assert_eventually, eventually
from temporalio.client import WorkflowExecutionDescription

from api.services import Services
from hookwright.ids import delivery_workflow_id, endpoint_workflow_id, event_workflow_id
from hookwright.models import EndpointState, EventInput
from hookwright.temporal import described, endpoint_of
from hookwright.times import rfc3339

pytestmark = pytest.mark.cluster

COSTLY = "length(data.a[*].b[*].c[*][]) > `5`"


async def execution(service: Stack, event_id: str) -> WorkflowExecutionDescription:
    """Return the execution that has the event's own id."""
    workflow_id = event_workflow_id(service.tenant, event_id)
    return await service.client.get_workflow_handle(workflow_id).describe()


async def delivered(service: Stack, endpoint: dict[str, Any], event_id: str) -> dict[str, Any]:
    return await eventually(
        lambda: service.delivery(endpoint["id"], event_id),
        lambda it: it.get("state") == "delivered",
    )


async def listed(service: Stack, what: str) -> list[dict[str, Any]]:
    return (await service.http.get(f"{service.root}/{what}")).json()["data"]


async def recovered(service: Stack, endpoint: dict[str, Any]) -> dict[str, Any]:
    """Recover what an endpoint has not had; return the recovery when it is complete."""
    hour_ago = rfc3339(datetime.now(UTC) - timedelta(hours=1))
    answer = await service.http.post(
        f"{service.root}/endpoints/{endpoint['id']}/recover",
        json={"since": hour_ago, "status": "missing"},
    )
    path = f"{service.root}/recoveries/{answer.json()['id']}"

    async def read() -> dict[str, Any]:
        return (await service.http.get(path)).json()

    return await eventually(read, lambda it: it["state"] == "completed", within=60)


async def test_it_is_one_execution_of_six_events(service: Stack, hooks: Receiver) -> None:
    """The event is its delivery: nothing else is started, and its history has six events."""
    endpoint = await service.add_endpoint(hooks.url)
    event = await service.publish()
    await delivered(service, endpoint, event["id"])
    found = await execution(service, event["id"])
    assert (found.workflow_type, found.history_length) == ("Delivery", 6)
    query = f"EventId = '{event['id']}'"

    async def count() -> int:
        return (await service.client.count_workflows(query)).count

    assert await eventually(count, lambda number: number >= 1) == 1


async def test_it_is_read_and_listed_as_event_and_as_delivery(
    service: Stack, hooks: Receiver
) -> None:
    """The event, its delivery and both lists tell what they tell of an event to several."""
    endpoint = await service.add_endpoint(hooks.url)
    event = await service.publish(data={"n": 1})
    delivery = await delivered(service, endpoint, event["id"])
    assert delivery["id"] == f"{endpoint['id']}:{event['id']}"
    read = (await service.http.get(f"{service.root}/events/{event['id']}")).json()
    assert (read["fan_out"], read["data"], read["type"]) == ("complete", {"n": 1}, "loan.funded")
    assert read["created_at"] == event["created_at"]
    assert read["deliveries"] == [delivery]
    for what, shown in (("events", event["id"]), ("deliveries", delivery["id"])):
        rows = await eventually(lambda what=what: listed(service, what), bool)
        assert [row["id"] for row in rows] == [shown]


async def test_a_repeat_is_a_duplicate_whatever_the_routes_are(
    service: Stack, hooks: Receiver
) -> None:
    """Published again after endpoints were added, it goes nowhere else; changed, it is a 409."""
    await service.add_endpoint(hooks.url)
    event = await service.publish(data={"n": 1})
    await assert_eventually(lambda: len(hooks.requests) == 1)
    other = await service.add_endpoint(hooks.url)
    again = await service.publish(id=event["id"], data={"n": 1})
    assert again["duplicate"]
    assert again["created_at"] == event["created_at"]
    refused = await service.http.post(
        f"{service.root}/events", json={"id": event["id"], "type": "loan.funded", "data": {"n": 2}}
    )
    assert refused.status_code == 409
    assert (await service.delivery(other["id"], event["id"]))["status"] == 404
    assert len(hooks.requests) == 1


async def test_a_repeat_with_one_endpoint_left_is_a_duplicate(
    service: Stack, hooks: Receiver
) -> None:
    """An event that went to two endpoints is not started again when only one of them is left."""
    endpoints = [await service.add_endpoint(hooks.url) for _ in range(2)]
    event = await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 2)
    await service.http.delete(f"{service.root}/endpoints/{endpoints[0]['id']}")
    assert (await service.publish(id=event["id"]))["duplicate"]
    assert (await execution(service, event["id"])).workflow_type == "Event"
    assert len(hooks.requests) == 2


@pytest.mark.parametrize("case", ["none", "several", "scheduled", "costly filter"])
async def test_other_events_are_fanned_out(service: Stack, hooks: Receiver, case: str) -> None:
    """With no endpoint or several, not due yet, or with a costly filter, it is an `Event`."""
    fields: dict[str, Any] = {}
    if case == "costly filter":
        fields["data"] = {"a": [{"b": [{"c": list(range(40))}] * 40}] * 40}
    for _ in range({"none": 0, "several": 2}.get(case, 1)):
        extra = {"filter": COSTLY} if case == "costly filter" else {}
        await service.add_endpoint(hooks.url, **extra)
    if case == "scheduled":
        fields["deliver_at"] = rfc3339(datetime.now(UTC) + timedelta(seconds=1))
    event = await service.publish(**fields)
    assert (await execution(service, event["id"])).workflow_type == "Event"
    count = {"none": 0, "several": 2}.get(case, 1)
    await eventually(
        lambda: service.http.get(f"{service.root}/events/{event['id']}"),
        lambda it: it.json()["fan_out"] == "complete" and len(it.json()["deliveries"]) == count,
    )


async def test_type_channel_and_filter_tell_which_endpoint(service: Stack, hooks: Receiver) -> None:
    """Of four endpoints the event matches one: that one's delivery is the event."""
    await service.add_endpoint(hooks.url, event_types=["other.type"])
    await service.add_endpoint(hooks.url, channels=["elsewhere"])
    await service.add_endpoint(hooks.url, filter="data.n > `5`")
    wanted = await service.add_endpoint(hooks.url, filter="data.n < `5`")
    event = await service.publish(data={"n": 1})
    await delivered(service, wanted, event["id"])
    assert (await execution(service, event["id"])).workflow_type == "Delivery"
    assert len(hooks.requests) == 1


async def test_a_resend_keeps_the_events_place(service: Stack, hooks: Receiver) -> None:
    """Retried after its end it is two runs, and is still listed once, where it was published."""
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    event = await service.publish()
    await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda it: it.get("state") == "exhausted",
    )
    later = await service.publish()
    hooks.behave = answering(200)
    path = f"{service.root}/deliveries/{endpoint['id']}:{event['id']}/retry"
    assert (await service.http.post(path)).status_code == 202
    after = await delivered(service, endpoint, event["id"])
    assert [each["trigger"] for each in after["attempts"]] == ["schedule", "manual"]
    query = f"WorkflowId = '{event_workflow_id(service.tenant, event['id'])}'"

    async def runs() -> int:
        return (await service.client.count_workflows(query)).count

    await eventually(runs, lambda number: number == 2)
    await eventually(
        lambda: listed(service, "events?type=loan.funded"),
        lambda rows: [row["id"] for row in rows] == [later["id"], event["id"]],
    )
    rows = await listed(service, "deliveries")
    assert sorted(row["event_id"] for row in rows) == sorted([later["id"], event["id"]])


async def test_missing_knows_both_kinds(service: Stack, hooks: Receiver) -> None:
    """A recovery sends what only other endpoints had, once, and nothing that this one had."""
    hooks.behave = answering(500)
    first = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    sole = await service.publish()
    await eventually(
        lambda: service.delivery(first["id"], sole["id"]), lambda it: it.get("state") == "exhausted"
    )
    hooks.behave = answering(200)
    await service.http.post(f"{service.root}/deliveries/{first['id']}:{sole['id']}/retry")
    await delivered(service, first, sole["id"])
    pending = await service.publish()
    await delivered(service, first, pending["id"])
    before = len(hooks.requests)
    assert (await recovered(service, first))["delivered"] == 0
    assert len(hooks.requests) == before
    late = await service.add_endpoint(hooks.url)
    assert (await recovered(service, late))["state"] == "completed"
    for event in (sole, pending):
        await delivered(service, late, event["id"])
    assert len(hooks.requests) == before + 2
    # The event itself still is the first endpoint's delivery, and the log has both.
    assert (await service.delivery(first["id"], sole["id"]))["state"] == "delivered"
    await eventually(lambda: listed(service, "deliveries"), lambda rows: len(rows) == 4)


async def test_it_is_erased_with_its_resends_and_recovered_ones(
    service: Stack, hooks: Receiver
) -> None:
    """Erasing the event removes all runs under its id, and other endpoints' deliveries of it."""
    first = await service.add_endpoint(hooks.url)
    event = await service.publish()
    await delivered(service, first, event["id"])
    await service.http.post(f"{service.root}/deliveries/{first['id']}:{event['id']}/retry")
    await assert_eventually(lambda: len(hooks.requests) == 2)
    late = await service.add_endpoint(hooks.url)
    await recovered(service, late)
    await delivered(service, late, event["id"])
    query = f"EventId = '{event['id']}'"

    async def ended() -> int:
        running = f"{query} AND ExecutionStatus = 'Completed'"
        return (await service.client.count_workflows(running)).count

    await eventually(ended, lambda number: number == 3)
    answer = await service.http.delete(f"{service.root}/events/{event['id']}/content")
    assert (answer.status_code, answer.json()["executions_deleted"]) == (200, 3)

    async def statuses() -> set[int]:
        paths = [
            f"events/{event['id']}",
            *(f"deliveries/{each['id']}:{event['id']}" for each in (first, late)),
        ]
        answers = [await service.http.get(f"{service.root}/{path}") for path in paths]
        return {answer.status_code for answer in answers}

    await eventually(statuses, lambda it: it == {404}, within=60)
    every_run = partial(service.client.count_workflows, query)
    await eventually(every_run, lambda it: it.count == 0, within=60)


async def publish_with_stale_routes(service: Stack, change: str, hooks: Receiver) -> dict[str, Any]:
    """Publish an event while the routes change between the publish's read and its start."""
    services = Services.on(service.client, api_config(service.task_queue))
    endpoint = await service.add_endpoint(hooks.url)
    read = await services.tenants.at_publish(service.tenant)
    endpoint_path = f"{service.root}/endpoints/{endpoint['id']}"
    other = {}
    match change:
        case "added":
            other = await service.add_endpoint(hooks.url)
        case "deleted":
            await service.http.delete(endpoint_path)
        case "paused":
            await service.http.post(f"{endpoint_path}/pause")
        case "tenant deleted":
            await service.http.delete(service.root)
            workflow_id = endpoint_workflow_id(service.tenant, endpoint["id"])

            async def state() -> EndpointState | None:
                return await endpoint_of(await described(service.client, workflow_id))

            # The tenant's endpoints are deleted after it, and count until then.
            await eventually(state, lambda it: it is None)
    event = EventInput(
        tenant_id=service.tenant, id=unique("evt"), type="loan.funded", data={}, created_at=None
    )
    await services.events.publish(event, read, None, inf)
    return {"endpoint": endpoint, "other": other, "event": event.id}


@pytest.mark.parametrize(
    ("change", "state"),
    [("added", "delivered"), ("deleted", "cancelled"), ("paused", "held")],
)
async def test_routes_that_change_during_a_publish(
    service: Stack, hooks: Receiver, change: str, state: str
) -> None:
    """What counts is the table that the publish read, and the endpoint as its attempt finds it."""
    made = await publish_with_stale_routes(service, change, hooks)
    await eventually(
        lambda: service.delivery(made["endpoint"]["id"], made["event"]),
        lambda it: it.get("state") == state,
    )
    read = (await service.http.get(f"{service.root}/events/{made['event']}")).json()
    assert (read["fan_out"], len(read["deliveries"])) == ("complete", 1)
    if change == "added":  # it came too late for this event, and a recovery brings it
        assert (await service.delivery(made["other"]["id"], made["event"]))["status"] == 404
        await recovered(service, made["other"])
        await delivered(service, made["other"], made["event"])


async def test_a_tenant_deleted_during_a_publish(service: Stack, hooks: Receiver) -> None:
    """The event is accepted and ends as cancelled: nothing is sent for a tenant that is gone."""
    made = await publish_with_stale_routes(service, "tenant deleted", hooks)
    await eventually(
        lambda: execution(service, made["event"]), lambda it: it.status.name == "CANCELED"
    )
    assert hooks.requests == []


async def test_recovered_under_its_own_id_it_is_not_doubled(
    service: Stack, hooks: Receiver
) -> None:
    """The delivery's own id stays free for other endpoints: none is started for the sole one."""
    endpoint = await service.add_endpoint(hooks.url)
    event = await service.publish()
    await delivered(service, endpoint, event["id"])
    await recovered(service, endpoint)
    own = delivery_workflow_id(service.tenant, endpoint["id"], event["id"])
    assert await described(service.client, own) is None
    assert len(hooks.requests) == 1
