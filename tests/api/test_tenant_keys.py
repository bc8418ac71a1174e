"""Tenants' keys on the native routes."""

import httpx
import pytest
from support.facades import key_of
from support.receiver import Receiver
from support.stack import Stack, unique
from support.waiting import assert_eventually


async def test_own_routes(service: Stack, hooks: Receiver) -> None:
    """With its key a tenant reads itself, keeps endpoints, publishes, and reads its log."""
    key, http = key_of(service.tenant), service.http
    assert (await http.get(service.root, headers=key)).json()["id"] == service.tenant
    path = f"{service.root}/endpoints"
    created = await http.post(path, json={"url": hooks.url}, headers=key)
    assert created.status_code == 201
    one = f"{path}/{created.json()['id']}"
    event = {"type": "loan.funded", "data": {}}
    accepted = await http.post(f"{service.root}/events", json=event, headers=key)
    assert accepted.status_code == 202
    await assert_eventually(lambda: len(hooks.requests) == 1)
    for part in ("endpoints", "events", "deliveries"):
        assert (await http.get(f"{service.root}/{part}", headers=key)).status_code == 200
    assert (await http.patch(one, json={"description": "d"}, headers=key)).status_code == 200
    rotated = await http.post(f"{one}/secret/rotate", json={}, headers=key)
    assert rotated.status_code == 200
    assert (await http.delete(one, headers=key)).status_code == 204
    assert (await http.get("/v1/contracts", headers=key)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "", None),
        ("get", "/endpoints", None),
        ("post", "/endpoints", {"url": "https://hooks.example.com/"}),
        ("get", "/endpoints/{endpoint}", None),
        ("patch", "/endpoints/{endpoint}", {"description": "mine"}),
        ("delete", "/endpoints/{endpoint}", None),
        ("post", "/endpoints/{endpoint}/secret/rotate", {}),
        ("post", "/events", {"type": "a.b", "data": {}}),
        ("post", "/events/batch", {"events": [{"type": "a.b", "data": {}}]}),
        ("get", "/events", None),
        ("get", "/events/evt_1", None),
        ("get", "/deliveries", None),
        ("get", "/deliveries/{endpoint}:evt_1", None),
    ],
)
async def test_another_tenants_routes(
    service: Stack, method: str, path: str, body: dict[str, object] | None
) -> None:
    """Another tenant's routes answer the 404 of a tenant that is not there, body and all."""
    theirs = await service.with_new_tenant()
    endpoint = await theirs.add_endpoint("https://hooks.example.com/")
    below = path.format(endpoint=endpoint["id"])

    async def ask(root: str) -> httpx.Response:
        headers = key_of(service.tenant)
        return await service.http.request(method, f"{root}{below}", json=body, headers=headers)

    foreign, unknown = await ask(theirs.root), await ask(f"/v1/tenants/{unique('t')}")
    assert foreign.status_code == 404
    assert foreign.content == unknown.content
    kept = await theirs.http.get(f"{theirs.root}/endpoints/{endpoint['id']}")
    assert kept.json()["version"] == 1


@pytest.mark.parametrize("method", ["put", "delete"])
async def test_operators_only(service: Stack, method: str) -> None:
    """A tenant neither changes nor deletes itself, nor lists tenants: 403."""
    body = {"json": {"name": "Mine"}} if method == "put" else {}
    answer = await service.http.request(
        method, service.root, headers=key_of(service.tenant), **body
    )
    listed = await service.http.get("/v1/tenants", headers=key_of(service.tenant))
    for refused in (answer, listed):
        assert refused.status_code == 403
        assert refused.json()["type"].endswith("#operators-only")
    assert (await service.http.get(service.root)).json()["name"] == "Test"


async def test_key_of_another_tenant_is_not_told_what_exists(service: Stack) -> None:
    """PUT and DELETE on another tenant are the same 404 as for one that is not there."""
    theirs = await service.with_new_tenant()
    for method, body in (("put", {"json": {"name": "Mine"}}), ("delete", {})):
        answers = [
            await service.http.request(method, root, headers=key_of(service.tenant), **body)
            for root in (theirs.root, f"/v1/tenants/{unique('t')}")
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content
