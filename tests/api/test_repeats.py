"""A repeat is answered as the first time, whatever has become stricter since."""

from dataclasses import replace
from typing import Any

import pytest
from support.receiver import Receiver
from support.stack import Stack, api_client, api_config, unique

from activities.endpoint_snapshots import MAX_AGE_SECONDS
from hookwright.security import DestinationPolicy
from workflows.clearing_up import SEARCH_PAUSES_SECONDS


async def publish(service: Stack, body: dict[str, Any], *, batch: bool) -> tuple[int, Any]:
    path = f"{service.root}/events"
    if not batch:
        answer = await service.http.post(path, json=body)
        return answer.status_code, answer.json()
    answer = await service.http.post(f"{path}/batch", json={"events": [body]})
    [result] = answer.json()["results"]
    return result["status"], result["event"] or result["error"]


@pytest.mark.parametrize("batch", [False, True])
async def test_event_for_an_endpoint_that_is_gone(
    service: Stack, hooks: Receiver, *, batch: bool
) -> None:
    """The repeat of an event for a deleted endpoint is a duplicate; a new one is refused."""
    endpoint = await service.add_endpoint(hooks.url)
    body = {"id": "evt_1", "type": "a.b", "data": {"n": 1}, "endpoint_id": endpoint["id"]}
    status, first = await publish(service, body, batch=batch)
    assert status == 202
    await service.http.delete(f"{service.root}/endpoints/{endpoint['id']}")
    assert await publish(service, body, batch=batch) == (202, {**first, "duplicate": True})
    status, _ = await publish(service, {**body, "id": "evt_2"}, batch=batch)
    assert status == 422
    status, _ = await publish(service, {**body, "data": {"n": 2}}, batch=batch)
    assert status == 409


async def test_event_that_the_catalogue_would_refuse_today(service: Stack) -> None:
    """The repeat of an event is a duplicate though its type's schema no longer takes it."""
    kind = f"{unique('type')}.made"
    body = {"id": "evt_1", "type": kind, "data": {"n": "one"}}
    _, first = await publish(service, body, batch=False)
    schema = {"properties": {"n": {"type": "integer"}}}
    path = f"/v1/event-types/{kind}"
    assert (await service.http.put(path, json={"json_schema": schema})).is_success
    await service.http.put(service.root, json={"event_type_checks": "enforce"})
    assert (await publish(service, {**body, "id": "evt_2"}, batch=False))[0] == 422
    assert await publish(service, body, batch=False) == (202, {**first, "duplicate": True})
    await service.http.delete(path)


async def test_endpoint_that_the_policy_would_refuse_today(service: Stack, hooks: Receiver) -> None:
    """A creation repeated under its key gets the endpoint, though its URL is forbidden by now."""
    path, headers = f"{service.root}/endpoints", {"Idempotency-Key": "once"}
    body = {"url": hooks.url}
    created = await service.http.post(path, json=body, headers=headers)
    config = replace(api_config(service.task_queue), destinations=DestinationPolicy())
    async with api_client(service.client, config) as strict:
        again = await strict.post(path, json=body, headers=headers)
        assert (again.status_code, again.json()) == (201, created.json())
        other = await strict.post(path, json={**body, "description": "x"}, headers=headers)
        assert other.status_code == 422
        assert (await strict.post(path, json=body)).status_code == 422


def test_a_deleted_endpoints_id_stays_taken_longer_than_snapshots_live() -> None:
    """An endpoint made again under its id is never served a snapshot of the one before it."""
    assert sum(SEARCH_PAUSES_SECONDS) > 2 * MAX_AGE_SECONDS
