"""What happened to endpoints, over REST."""

from typing import Any

from support.facades import key_of
from support.jwts import bearer
from support.pages import walk
from support.receiver import Receiver, answering
from support.stack import Stack
from support.waiting import eventually

from api.tokens import Scope

ONE_LOST = {"exhausted_in_a_row": 1}


async def changes(service: Stack, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
    path = f"{service.root}/endpoints/{endpoint['id']}/status-changes"
    answer = await service.http.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.json()["next_cursor"] is None
    return answer.json()["data"]


async def switch(
    service: Stack, endpoint: dict[str, Any], what: str, headers: dict[str, str]
) -> None:
    path = f"{service.root}/endpoints/{endpoint['id']}/{what}"
    assert (await service.http.post(path, headers=headers)).status_code == 200


async def test_who_did_what(service: Stack) -> None:
    """Each change of an endpoint is there at once, newest first, with who asked for it."""
    endpoint = await service.add_endpoint("https://hooks.example.com/", status="paused")
    await switch(service, endpoint, "resume", bearer(service.tenant))
    await switch(service, endpoint, "resume", {})
    await switch(service, endpoint, "pause", key_of(service.tenant))
    found = await changes(service, endpoint)
    assert [(it["number"], it["change"], it["status"]) for it in found] == [
        (3, "paused", "paused"),
        (2, "resumed", "active"),
        (1, "created", "paused"),
    ]
    by_key, by_token, by_operator = (it["by"] for it in found)
    assert (by_key, by_operator) == ("tenant_key", "operator:test")
    assert by_token.startswith("token:tok_")
    assert {it["endpoint_id"] for it in found} == {endpoint["id"]}
    assert [it["at"] for it in found] == sorted((it["at"] for it in found), reverse=True)


async def test_disabled_with_its_reason(service: Stack, hooks: Receiver) -> None:
    """A rule that disables an endpoint is in its history, with the last error."""
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(
        hooks.url, retry={"schedule_seconds": []}, deactivation=ONE_LOST
    )
    await service.publish()
    path = f"{service.root}/endpoints/{endpoint['id']}"

    async def read() -> dict[str, Any]:
        return (await service.http.get(path)).json()

    shown = await eventually(read, lambda it: it["status"] == "disabled")
    assert shown["health_reason"].startswith("Disabled because too many deliveries in a row")
    assert shown["last_attempt_at"] is not None
    assert shown["last_delivery_at"] is None
    disabled = (await changes(service, endpoint))[0]
    assert (disabled["change"], disabled["reason"], disabled["by"]) == (
        "disabled",
        "exhausted",
        None,
    )
    assert disabled["last_error"] == shown["last_error"]
    await switch(service, endpoint, "resume", {})
    resumed = (await changes(service, endpoint))[0]
    assert (resumed["change"], resumed["reason"]) == ("resumed", "exhausted")


async def test_of_all_endpoints_of_a_tenant(service: Stack) -> None:
    """The changes of all endpoints of a tenant are one list, page by page, newest first."""
    first, second = [await service.add_endpoint("https://hooks.example.com/") for _ in range(2)]
    other = await service.with_new_tenant()
    await other.add_endpoint("https://hooks.example.com/")
    await switch(service, first, "pause", {})
    await switch(service, second, "pause", {})
    await switch(service, first, "resume", {})
    path = f"{service.root}/status-changes"
    expected = [
        (first["id"], "resumed"),
        (second["id"], "paused"),
        (first["id"], "paused"),
        (second["id"], "created"),
        (first["id"], "created"),
    ]

    async def listed() -> list[tuple[str, str]]:
        rows = await walk(service.http, path, limit=2)
        return [(row["endpoint_id"], row["change"]) for row in rows]

    assert await eventually(listed, lambda it: len(it) == 5) == expected
    assert (await service.http.delete(f"{service.root}/endpoints/{second['id']}")).is_success
    await eventually(listed, lambda it: it == [each for each in expected if each[0] == first["id"]])


async def test_what_it_takes(service: Stack) -> None:
    """Reading changes takes the scope to read endpoints; what is not there is a 404."""
    endpoint = await service.add_endpoint("https://hooks.example.com/")
    own = f"{service.root}/endpoints/{endpoint['id']}/status-changes"
    for path in (own, f"{service.root}/status-changes"):
        allowed = await service.http.get(path, headers=bearer(service.tenant, Scope.ENDPOINTS_READ))
        refused = await service.http.get(
            path, headers=bearer(service.tenant, Scope.DELIVERIES_READ)
        )
        assert (allowed.status_code, refused.status_code) == (200, 403)
    for path in (
        f"{service.root}/endpoints/ep_none/status-changes",
        "/v1/tenants/t_none/status-changes",
    ):
        assert (await service.http.get(path)).status_code == 404
