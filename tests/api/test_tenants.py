"""Tenants over REST."""

import asyncio

import httpx
import pytest
from support.pages import pages, walk
from support.receiver import Receiver, answering
from support.stack import Stack, unique
from support.waiting import eventually

from api.http import ProblemBody

FIELDS = {
    "id", "name", "contract", "metadata", "hold_for_seconds",
    "event_type_checks", "tier", "notify",
    "tokens_not_before", "created_at", "updated_at",
}  # fmt: skip


async def test_put_read_list_delete(service: Stack) -> None:
    """A tenant is created by PUT, changed by PUT, listed, and gone after DELETE."""
    path = f"/v1/tenants/{unique('t')}"
    created = await service.http.put(path, json={"name": "One", "metadata": {"plan": "a"}})
    assert created.status_code == 201
    assert set(created.json()) == FIELDS
    changed = await service.http.put(path, json={"name": "Two"})
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["metadata"]) == ("Two", {})
    assert changed.json()["created_at"] == created.json()["created_at"]
    assert (await service.http.get(path)).json() == changed.json()

    async def listed() -> list[str]:
        return [row["id"] for row in await walk(service.http, "/v1/tenants", limit=100)]

    await eventually(listed, lambda ids: created.json()["id"] in ids)
    assert (await service.http.delete(path)).status_code == 204
    assert (await service.http.get(path)).status_code == 404
    assert (await service.http.delete(path)).status_code == 404


async def test_unknown_contract_is_refused(service: Stack) -> None:
    """A contract that is not there is refused, before endpoints could stumble over it."""
    answer = await service.http.put(service.root, json={"contract": "nonesuch"})
    assert answer.status_code == 422
    assert "standard" in answer.json()["errors"][0]["msg"]


async def test_delete_takes_endpoints_and_waiting_deliveries(
    service: Stack, hooks: Receiver
) -> None:
    """Deleting a tenant deletes its endpoints and cancels what waits, with its log kept."""
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [600]})
    event = await service.publish()
    await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]), lambda it: it.get("next_attempt_at")
    )
    assert (await service.http.delete(service.root)).status_code == 204
    ended = await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]), lambda it: it["state"] == "cancelled"
    )
    assert [attempt["status_code"] for attempt in ended["attempts"]] == [500]

    async def put_again() -> httpx.Response:
        return await service.http.put(service.root, json={"name": "Again"})

    await eventually(put_again, lambda answer: answer.status_code == 201, within=90)
    assert (await service.http.get(f"{service.root}/endpoints")).json()["data"] == []


@pytest.mark.parametrize("method", ["get", "put", "delete"])
async def test_ids_outside_the_charset(offline: httpx.AsyncClient, method: str) -> None:
    """An id outside the charset is a 422 before any call to Temporal."""
    for tenant in ("a.b", "a:b", "x" * 65, "ä", "a' OR 'b"):
        answer = await offline.request(method, f"/v1/tenants/{tenant}", json={})
        assert answer.status_code == 422, answer.text


async def test_unauthorised(offline: httpx.AsyncClient) -> None:
    """Without a key, or with a wrong one, every route answers the same 401 problem."""
    texts = set()
    for headers in ({}, {"authorization": "Bearer hwk_x_y"}, {"authorization": "Basic YQ=="}):
        del offline.headers["authorization"]
        for method, path in (
            ("get", "/v1/tenants"),
            ("get", "/v1/contracts"),
            ("delete", "/v1/tenants/t"),
        ):
            answer = await offline.request(method, path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            texts.add(answer.text)
        offline.headers["authorization"] = "x"
    assert len(texts) == 1


async def test_errors_are_problems(offline: httpx.AsyncClient) -> None:
    """404 and 405 of the framework are problems like ours."""
    for method, path, status in (("get", "/nowhere", 404), ("post", "/healthz", 405)):
        answer = await offline.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(answer.json()) == {*ProblemBody.model_fields} - {"event_id"}


async def test_contracts(offline: httpx.AsyncClient) -> None:
    """The contracts that can be chosen are shown as data, without Temporal."""
    listed = (await offline.get("/v1/contracts")).json()["data"]
    assert "standard" in [contract["name"] for contract in listed]
    one = (await offline.get("/v1/contracts/standard")).json()
    assert one in listed
    assert (await offline.get("/v1/contracts/nonesuch")).status_code == 404


async def test_lists_hold_while_a_tenant_is_being_deleted(service: Stack) -> None:
    """A tenant that is being deleted is not listed, and stops no list."""
    other = await service.with_new_tenant()

    async def listed() -> set[str]:
        page = await anext(pages(service.http, "/v1/tenants", limit=100))
        return {row["id"] for row in page}

    await eventually(listed, lambda ids: other.tenant in ids)
    await other.http.delete(other.root)
    await eventually(listed, lambda ids: other.tenant not in ids)


async def test_patch_changes_only_what_is_given(service: Stack) -> None:
    """A PATCH sets the given settings, and all others keep their values."""
    settings = {
        "name": "One",
        "metadata": {"plan": "a"},
        "tier": "pro",
        "hold_for_seconds": 60.0,
        "event_type_checks": "warn",
        "contract": "clearway",
    }
    before = (await service.http.put(service.root, json=settings)).json()
    changed = await service.http.patch(service.root, json={"name": "Two", "tier": "free"})
    assert changed.status_code == 200
    now = changed.json()
    assert now == {**before, "name": "Two", "tier": "free", "updated_at": now["updated_at"]}
    assert (await service.http.get(service.root)).json() == now
    same = (await service.http.patch(service.root, json={})).json()
    assert same == {**now, "updated_at": same["updated_at"]}


async def test_patches_at_the_same_time_are_all_made(service: Stack) -> None:
    """Changes of different settings at the same time do not undo each other."""
    changes = {"name": "Two", "tier": "pro", "hold_for_seconds": 99.0, "metadata": {"a": "b"}}
    answers = await asyncio.gather(
        *(service.http.patch(service.root, json={name: it}) for name, it in changes.items()),
        service.http.post(f"{service.root}/tokens/revoke"),
    )
    assert {answer.status_code for answer in answers} == {200}
    found = (await service.http.get(service.root)).json()
    assert {name: found[name] for name in changes} == changes
    assert found["tokens_not_before"]


@pytest.mark.parametrize(
    "change", [{"contract": "nonesuch"}, {"tier": "gold"}, {"unknown": 1}, {"hold_for_seconds": 0}]
)
async def test_patch_refuses_what_put_refuses(service: Stack, change: dict[str, object]) -> None:
    """A setting that will not do is a 422 which names it, and nothing is changed."""
    before = (await service.http.get(service.root)).json()
    answer = await service.http.patch(service.root, json={"name": "Two", **change})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", *change]
    assert (await service.http.get(service.root)).json() == before


async def test_patch_creates_no_tenant(service: Stack) -> None:
    """A PATCH, or a revocation, of a tenant that is not there is a 404 and creates nothing."""
    path = f"/v1/tenants/{unique('t')}"
    assert (await service.http.patch(path, json={"name": "One"})).status_code == 404
    assert (await service.http.post(f"{path}/tokens/revoke")).status_code == 404
    assert (await service.http.get(path)).status_code == 404
