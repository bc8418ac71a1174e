"""Erasure: an event's content, and all of a tenant."""

from datetime import UTC, datetime, timedelta
from math import inf

from support.receiver import Receiver, answering
from support.stack import Stack, api_config
from support.waiting import assert_eventually, eventually

from api.services import Services
from hookwright.models import EventInput
from hookwright.times import rfc3339

TEMPORALS_TIME = 60.0
"""Temporal deletes what has just ended after some 35 s."""


async def pending(service: Stack, hooks: Receiver) -> tuple[str, str]:
    """Return an endpoint and an event whose delivery waits for its retry."""
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [600]})
    event = await service.publish()
    await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]), lambda it: it.get("next_attempt_at")
    )
    return endpoint["id"], event["id"]


async def gone(service: Stack, *paths: str) -> None:
    async def statuses() -> set[int]:
        answers = [await service.http.get(f"{service.root}/{path}") for path in paths]
        return {answer.status_code for answer in answers}

    await eventually(statuses, lambda it: it == {404}, within=TEMPORALS_TIME)


async def test_event_is_erased_with_its_deliveries(service: Stack, hooks: Receiver) -> None:
    """After an erasure neither the event nor a delivery can be read or listed; its id is free."""
    endpoints = [await service.add_endpoint(hooks.url) for _ in range(2)]
    event = await service.publish()
    path = f"events/{event['id']}"
    deliveries = [f"deliveries/{each['id']}:{event['id']}" for each in endpoints]
    for endpoint in endpoints:
        await eventually(
            lambda one=endpoint["id"]: service.delivery(one, event["id"]),
            lambda it: it.get("state") == "delivered",
        )
    answer = await service.http.delete(f"{service.root}/{path}/content")
    assert answer.status_code == 200, answer.text
    erased = answer.json()
    assert (erased["event_id"], erased["executions_deleted"]) == (event["id"], 3)
    assert erased["complete"]
    assert any("backups" in each for each in erased["remains"])
    await gone(service, path, *deliveries)
    for listed in ("events", "deliveries"):
        rows = (await service.http.get(f"{service.root}/{listed}")).json()["data"]
        assert rows == []
    assert (await service.http.delete(f"{service.root}/{path}/content")).status_code == 404
    again = await service.publish(id=event["id"])
    assert not again["duplicate"]
    await assert_eventually(lambda: len(hooks.requests) == 4)


async def test_pending_delivery_is_erased_by_force_only(service: Stack, hooks: Receiver) -> None:
    """While a delivery is pending it is a 409; by force it ends, and no retry is made."""
    endpoint, event = await pending(service, hooks)
    path = f"{service.root}/events/{event}/content"
    refused = await service.http.delete(path)
    assert refused.status_code == 409
    assert "force" in refused.json()["detail"]
    assert (await service.delivery(endpoint, event))["state"] == "pending"
    forced = await service.http.delete(path, params={"force": "true"})
    assert forced.status_code == 200, forced.text
    await gone(service, f"deliveries/{endpoint}:{event}", f"events/{event}")
    assert len(hooks.requests) == 1


async def test_erasing_a_held_delivery_lets_its_endpoint_know(
    service: Stack, hooks: Receiver
) -> None:
    """A held delivery that is erased is not counted as held any more."""
    endpoint = await service.add_endpoint(hooks.url)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    await service.http.post(f"{path}/pause")
    event = await service.publish()

    async def held() -> int:
        return (await service.http.get(path)).json()["held"]

    await eventually(held, lambda number: number == 1)
    forced = await service.http.delete(
        f"{service.root}/events/{event['id']}/content", params={"force": "true"}
    )
    assert forced.status_code == 200, forced.text
    await eventually(held, lambda number: number == 0)


async def test_scheduled_event_is_erased_by_force_only(service: Stack) -> None:
    """A scheduled event is a 409; by force it is cancelled and erased."""
    due = rfc3339(datetime.now(UTC) + timedelta(days=1))
    event = await service.publish(deliver_at=due)
    path = f"{service.root}/events/{event['id']}/content"
    assert (await service.http.delete(path)).status_code == 409
    forced = await service.http.delete(path, params={"force": "true"})
    assert forced.status_code == 200, forced.text
    await gone(service, f"events/{event['id']}")


async def test_another_tenants_event_is_not_there(service: Stack, hooks: Receiver) -> None:
    """An event of another tenant is a 404, and stays."""
    await service.add_endpoint(hooks.url)
    event = await service.publish()
    await assert_eventually(lambda: hooks.ids() == [event["id"]])
    other = await service.with_new_tenant()
    foreign = f"{other.root}/events/{event['id']}/content"
    assert (await service.http.delete(foreign)).status_code == 404
    assert (await service.http.get(f"{service.root}/events/{event['id']}")).status_code == 200


async def executions(service: Stack) -> set[str]:
    """Return the ids of all that a tenant has in Temporal, but for its own."""
    kinds = ("event", "delivery", "endpoint", "recovery")
    query = " OR ".join(f"WorkflowId STARTS_WITH '{kind}:{service.tenant}:'" for kind in kinds)
    return {row.id async for row in service.client.list_workflows(query)}


async def test_last_event_of_an_erased_tenant_goes_too(service: Stack) -> None:
    """An event whose publish began before the deletion is erased; the next one is a 404."""
    services = Services.on(service.client, api_config(service.task_queue))
    read = await services.tenants.at_publish(service.tenant)
    await service.http.delete(service.root, params={"erase": "true"})
    body = {"id": "after", "type": "loan.funded", "data": {}}
    await services.events.publish(EventInput(tenant_id=service.tenant, **body), read, None, inf)
    assert (await service.http.post(f"{service.root}/events", json=body)).status_code == 404
    await eventually(lambda: executions(service), lambda ids: not ids, within=TEMPORALS_TIME + 30)


async def test_tenant_is_erased_with_all_it_had(service: Stack, hooks: Receiver) -> None:
    """Deleted with erase, a tenant leaves no execution but its own; another one's stay."""
    other = await service.with_new_tenant()
    await other.add_endpoint(hooks.url)
    kept = await other.publish()
    await pending(service, hooks)
    await service.publish(deliver_at=rfc3339(datetime.now(UTC) + timedelta(days=1)))
    answer = await service.http.delete(service.root, params={"erase": "true"})
    assert answer.status_code == 204

    assert await executions(service)
    await eventually(lambda: executions(service), lambda ids: not ids, within=TEMPORALS_TIME + 30)

    async def put() -> int:
        return (await service.http.put(service.root, json={})).status_code

    await eventually(put, lambda status: status == 201)
    assert (await service.http.get(f"{other.root}/events/{kept['id']}")).status_code == 200
    assert (await service.http.get(f"{service.root}/deliveries")).json()["data"] == []
