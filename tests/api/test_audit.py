"""The audit trail over REST: who changed a tenant or an endpoint, what, and when."""

from typing import Any

import pytest
from support.facades import key_of
from support.jwts import bearer
from support.pages import walk
from support.receiver import Receiver, answering
from support.stack import Stack
from support.waiting import eventually

from api.tokens import Scope
from hookwright.audit import AskedBy, AuditAction, AuditNote
from hookwright.ids import endpoint_workflow_id, tenant_workflow_id
from hookwright.temporal import Signal, Update

ONE_LOST = {"exhausted_in_a_row": 1}


async def trail(service: Stack, path: str = "") -> list[dict[str, Any]]:
    return await walk(service.http, f"{service.root}{path}/audit")


def told(entry: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {it["field"]: (it["old"], it["new"]) for it in entry["changes"]}


async def test_an_endpoint_s_life(service: Stack) -> None:
    """Each change is told at once, newest first: who, which fields, old and new, no secret."""
    made = await service.add_endpoint(
        "https://hooks.example.com/in?token=s3cret", headers={"X-Key": "s3cret"}, status="paused"
    )
    path = f"{service.root}/endpoints/{made['id']}"
    token = await service.http.post(
        f"{service.root}/tokens", json={"scopes": list(Scope), "expires_in_seconds": 60}
    )
    holder = {"Authorization": f"Bearer {token.json()['token']}"}
    change = {"url": "https://hooks.example.com/v2", "headers": {"X-Key": "0ther"}, "channels": []}
    for method, what, body, who in (
        ("PATCH", "", change, holder),
        ("PATCH", "", {"url": "https://hooks.example.com/v2"}, holder),  # changes nothing
        ("POST", "/pause", None, {}),  # so does this
        ("POST", "/resume", None, key_of(service.tenant)),
        ("POST", "/secret/rotate", {"secret": made["secret"]}, {}),  # and this
        ("POST", "/secret/rotate", {}, bearer(service.tenant)),
        ("DELETE", "", None, {}),
    ):
        answer = await service.http.request(method, path + what, json=body, headers=who)
        assert answer.status_code < 300, answer.text
    assert (await service.http.get(path)).status_code == 404
    found = await trail(service, f"/endpoints/{made['id']}")
    assert "s3cret" not in str(found)
    assert "0ther" not in str(found)
    assert "whsec" not in str(found)
    deleted, rotated, resumed, changed, created = found
    assert [it["action"] for it in found] == [
        "deleted", "secret_rotated", "resumed", "changed", "created"
    ]  # fmt: skip
    assert deleted["by"] == created["by"] == "operator:test"
    assert rotated["by"].startswith("token:tok_")
    assert resumed["by"] == "tenant_key"
    assert changed["by"] == f"token:{token.json()['id']}"
    assert told(created)["url"] == (None, "https://hooks.example.com/(hidden)")
    assert told(created)["headers"] == (None, ["X-Key"])
    assert told(created)["status"] == (None, "paused")
    assert told(changed) == {
        "url": ("https://hooks.example.com/(hidden)", "https://hooks.example.com/(hidden)"),
        "headers": (["X-Key"], ["X-Key"]),
    }
    assert told(rotated) == {"secret": ("(hidden)", "(hidden)")}
    assert told(deleted) == told(resumed) == {}


async def test_a_tenant_s_life(service: Stack) -> None:
    """Creation, settings, revocation and deletion are told, the deletion to operators."""
    tenant = await service.with_new_tenant()
    root = tenant.root
    endpoint = await tenant.add_endpoint("https://hooks.example.com/")
    for method, path, body in (
        ("PATCH", "", {"name": "Acme", "metadata": {"plan": "gold"}}),
        ("PATCH", "", {"name": "Acme"}),  # changes nothing
        ("PATCH", "", {"notify": {"emails": ["ann@example.com"]}}),
        ("PUT", "", {"name": "Acme Ltd"}),
        ("POST", "/tokens/revoke", None),
        ("POST", "/tokens/revoke", {"before": "2020-01-01T00:00:00Z"}),  # neither does this
        ("DELETE", "", None),
    ):
        answer = await service.http.request(method, root + path, json=body)
        assert answer.status_code < 300, answer.text
    found = await trail(tenant)
    assert [it["action"] for it in found] == [
        "deleted", "tokens_revoked", "changed", "changed", "changed", "created"
    ]  # fmt: skip
    _, revoked, replaced, notified, changed, _ = found
    assert told(notified) == {"notify.emails": (None, "(hidden)")}, "people go with their tenant"
    assert {it["by"] for it in found} == {"operator:test"}
    assert told(changed)["metadata"] == (None, {"plan": "gold"})
    assert told(replaced)["name"] == ("Acme", "Acme Ltd")
    assert told(replaced)["metadata"] == ({"plan": "gold"}, None)
    assert [*told(revoked)] == ["tokens_not_before"]

    async def of_endpoint() -> list[dict[str, Any]]:
        return await trail(tenant, f"/endpoints/{endpoint['id']}")

    gone = await eventually(of_endpoint, lambda it: it[0]["action"] == "deleted")
    assert gone[0]["by"] == "operator:test"


async def test_what_was_asked_for(service: Stack, hooks: Receiver) -> None:
    """Retries and recoveries are told with their ids, and disabling by Hookwright with its rule."""
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(
        hooks.url, retry={"schedule_seconds": []}, deactivation=ONE_LOST
    )
    event = await service.publish()
    path = f"{service.root}/endpoints/{endpoint['id']}"

    async def read() -> dict[str, Any]:
        return (await service.http.get(path)).json()

    await eventually(read, lambda it: it["status"] == "disabled")
    delivery = f"{endpoint['id']}:{event['id']}"
    for _ in range(2):
        answer = await service.http.post(f"{service.root}/deliveries/{delivery}/retry")
        assert answer.status_code == 202, answer.text
    body = {"since": "2026-01-01T00:00:00Z", "status": "failed"}
    begun = await service.http.post(f"{path}/recover", json=body)
    assert begun.status_code == 202, begun.text

    async def rows() -> list[dict[str, Any]]:
        return await trail(service, f"/endpoints/{endpoint['id']}")

    recovery, retried, disabled, _ = await eventually(rows, lambda it: len(it) == 4)
    assert (recovery["action"], recovery["subject"]) == ("recovery_started", begun.json()["id"])
    assert (retried["action"], retried["subject"]) == ("delivery_retried", delivery)
    assert retried["times"] == 2
    assert retried["first_at"] <= retried["at"]
    assert (disabled["action"], disabled["by"]) == ("disabled", "Hookwright")
    assert disabled["reason"] == "exhausted"


async def test_pages(service: Stack) -> None:
    """A trail is walked page by page, each entry once; its cursors fit no other list."""
    endpoint = await service.add_endpoint("https://hooks.example.com/")
    path = f"{service.root}/endpoints/{endpoint['id']}"
    for what in ("pause", "resume", "pause", "resume"):
        await service.http.post(f"{path}/{what}")
    actions = [it["action"] for it in await walk(service.http, f"{path}/audit", limit=2)]
    assert actions == ["resumed", "paused", "resumed", "paused", "created"]
    first = (await service.http.get(f"{path}/audit", params={"limit": 1})).json()
    assert first["dropped"] == 0
    foreign = {"cursor": first["next_cursor"]}
    for other in (f"{service.root}/audit", f"{service.root}/endpoints"):
        assert (await service.http.get(other, params=foreign)).status_code == 422


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "x"}, {"cursor": "x"}, {"since": "x"}])
async def test_bad_queries(service: Stack, query: dict[str, object]) -> None:
    """A parameter that will not do, or is not known, is a 422."""
    assert (await service.http.get(f"{service.root}/audit", params=query)).status_code == 422


async def test_who_may_read(service: Stack) -> None:
    """A tenant reads its own trails with `endpoints:read`; what is not there is a 404."""
    other = await service.with_new_tenant()
    endpoint = await other.add_endpoint("https://hooks.example.com/")
    paths = ("/audit", f"/endpoints/{endpoint['id']}/audit")
    readers = bearer(other.tenant, Scope.ENDPOINTS_READ)
    writers = bearer(other.tenant, Scope.EVENTS_WRITE)
    for path in paths:
        for headers, status in ((readers, 200), (writers, 403), (bearer(service.tenant), 404)):
            answer = await service.http.get(other.root + path, headers=headers)
            assert answer.status_code == status, answer.text
    for path in (f"{service.root}x/audit", f"{service.root}{paths[1]}"):
        assert (await service.http.get(path)).status_code == 404


async def test_without_the_api(service: Stack) -> None:
    """Whoever has access to Temporal may change and note, and is nobody unless they say who."""
    endpoint = await service.add_endpoint("https://hooks.example.com/")
    workflow_id = endpoint_workflow_id(service.tenant, endpoint["id"])
    handle = service.client.get_workflow_handle(workflow_id)
    await handle.execute_update(Update.CHANGE, {"fields": {"url": "https://[s3cret"}})
    note = AuditNote(action=AuditAction.DELIVERY_RETRIED, subject="x:1", by="operator:eve")
    await handle.signal(Signal.NOTE, note)
    await handle.signal(Signal.NOTE, {"action": "hacked", "subject": 1})
    await service.client.get_workflow_handle(tenant_workflow_id(service.tenant)).execute_update(
        Update.CHANGE, {"fields": {"name": "Direct"}}
    )

    async def rows() -> list[dict[str, Any]]:
        return await trail(service, f"/endpoints/{endpoint['id']}")

    noted, changed, _ = await eventually(rows, lambda it: len(it) == 3)
    assert (noted["by"], changed["by"]) == ("operator:eve", AskedBy().by)
    assert told(changed)["url"] == ("https://hooks.example.com/", "(hidden)")
    assert (await trail(service))[0]["by"] is None
