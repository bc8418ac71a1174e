"""Lists over all tenants, for operators."""

from typing import Any

import pytest
from support.endpoints import create_endpoint
from support.facades import key_of
from support.jwts import bearer
from support.pages import walk
from support.receiver import Receiver, answering
from support.stack import Stack, unique
from support.waiting import eventually

from hookwright.ids import entities_queue
from hookwright.temporal import ENDPOINT_STATUS, TENANT_ID

LISTS = ["/v1/endpoints", "/v1/deliveries"]


@pytest.mark.parametrize("path", LISTS)
async def test_operators_only(service: Stack, path: str) -> None:
    """A tenant's key or token is refused, whatever its scopes."""
    for headers in (key_of(service.tenant), bearer(service.tenant)):
        answer = await service.http.get(path, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["type"].endswith("#operators-only")


@pytest.mark.parametrize("query", [{"health": "blue"}, {"status": "gone"}, {"unknown": "x"}])
async def test_filters_are_checked(service: Stack, query: dict[str, str]) -> None:
    """A filter that is none is refused."""
    assert (await service.http.get("/v1/endpoints", params=query)).status_code == 422


async def test_endpoints_by_status_and_health(service: Stack, hooks: Receiver) -> None:
    """Endpoints of all tenants are found by status and health, each with its tenant."""
    hooks.behave = answering(500)
    other = await service.with_new_tenant()
    good = await service.add_endpoint("https://hooks.example.com/", event_types=["never.*"])
    paused = await other.add_endpoint("https://hooks.example.com/", status="paused")
    red = await other.add_endpoint(
        hooks.url,
        event_types=["loan.*"],
        retry={"schedule_seconds": []},
        deactivation={"exhausted_in_a_row": 1},
    )
    failing = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [600]})
    tenants = {service.tenant, other.tenant}
    await other.publish()

    async def found(**query: str) -> dict[str, str]:
        rows = await walk(service.http, "/v1/endpoints", limit=100, **query)
        return {row["id"]: row["tenant_id"] for row in rows if row["tenant_id"] in tenants}

    await eventually(
        lambda: found(health="red"), lambda it: it == {red["id"]: other.tenant}, within=30
    )
    await eventually(lambda: found(status="disabled"), lambda it: it == {red["id"]: other.tenant})
    await eventually(lambda: found(status="paused"), lambda it: it == {paused["id"]: other.tenant})
    await eventually(
        lambda: found(status="active"),
        lambda it: it == dict.fromkeys((good["id"], failing["id"]), service.tenant),
    )
    await service.http.post(f"{other.root}/endpoints/{red['id']}/resume")
    await eventually(lambda: found(status="disabled"), lambda it: it == {})
    await eventually(found, lambda it: len(it) == 4)
    # One failure after one success: it is neither red nor green.
    hooks.behave = answering(200, 500)
    await service.publish()
    await service.publish()
    await eventually(lambda: found(health="yellow"), lambda it: failing["id"] in it, within=30)
    green = await found(health="green")
    assert good["id"] in green
    assert failing["id"] not in green
    deleted = await service.http.delete(f"{service.root}/endpoints/{failing['id']}")
    assert deleted.status_code == 204
    await eventually(lambda: found(health="yellow"), lambda it: failing["id"] not in it)


async def test_an_endpoint_of_an_earlier_version(service: Stack) -> None:
    """One without search attributes is found by reading it, and has them once it changes."""
    queue, endpoint_id = entities_queue(service.task_queue), unique("ep")
    handle = await create_endpoint(service.client, queue, endpoint_id, service.tenant)

    async def found(**query: str) -> list[str]:
        rows = await walk(service.http, "/v1/endpoints", limit=100, **query)
        return [row["id"] for row in rows if row["tenant_id"] == service.tenant]

    await eventually(lambda: found(health="green", status="active"), lambda it: it == [endpoint_id])
    path = f"{service.root}/endpoints/{endpoint_id}/pause"
    assert (await service.http.post(path)).status_code == 200
    await eventually(lambda: found(status="paused"), lambda it: it == [endpoint_id])
    assert await found(health="red") == await found(status="active") == []
    attributes = (await handle.describe()).typed_search_attributes
    assert attributes[ENDPOINT_STATUS] == "paused"
    assert attributes[TENANT_ID] == service.tenant


async def test_newest_first_page_by_page(service: Stack) -> None:
    """The lists are newest first, and a cursor of one colour is none of another's."""
    ids = [(await service.add_endpoint("https://hooks.example.com/"))["id"] for _ in range(5)]

    async def found() -> list[str]:
        rows = await walk(service.http, "/v1/endpoints", limit=2)
        return [row["id"] for row in rows if row["id"] in ids]

    await eventually(found, lambda it: it == ids[::-1])
    first = await service.http.get("/v1/endpoints", params={"limit": 1})
    params = {"limit": 1, "cursor": first.json()["next_cursor"], "health": "red"}
    assert (await service.http.get("/v1/endpoints", params=params)).status_code == 422


async def test_deliveries_of_all_tenants(service: Stack, hooks: Receiver) -> None:
    """Deliveries of all tenants are found by state, each with its tenant."""
    other = await service.with_new_tenant()
    one = await service.add_endpoint(hooks.url, status="paused")
    two = await other.add_endpoint(hooks.url)
    held, delivered = await service.publish(), await other.publish()
    expected = {
        "held": (service.tenant, f"{one['id']}:{held['id']}"),
        "delivered": (other.tenant, f"{two['id']}:{delivered['id']}"),
    }

    async def found(state: str) -> list[tuple[str, str]]:
        rows: list[dict[str, Any]] = await walk(
            service.http, "/v1/deliveries", limit=100, state=state
        )
        tenants = {service.tenant, other.tenant}
        return [(row["tenant_id"], row["id"]) for row in rows if row["tenant_id"] in tenants]

    for state, row in expected.items():
        assert await eventually(lambda state=state: found(state), lambda it: len(it) == 1) == [row]
    assert await found("pending") == []
