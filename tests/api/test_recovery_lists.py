"""The list of a tenant's recoveries."""

from typing import Any

from support.pages import walk
from support.recoveries import begin, ended
from support.stack import Stack
from support.waiting import eventually


async def test_newest_first_by_endpoint(service: Stack) -> None:
    """All recoveries of a tenant are listed, newest first, or those of one endpoint."""
    first, second = [await service.add_endpoint("https://hooks.example.com/") for _ in range(2)]
    other = await service.with_new_tenant()
    foreign = await other.add_endpoint("https://hooks.example.com/")
    await begin(other, foreign, status="failed")
    begun = []
    for endpoint in (first, second, first):
        begun.append(await begin(service, endpoint, status="failed"))
        await ended(service, begun[-1])
    path = f"{service.root}/recoveries"

    async def listed(**query: Any) -> list[dict[str, Any]]:
        return await walk(service.http, path, limit=2, **query)

    rows = await eventually(listed, lambda it: [row["state"] for row in it] == ["completed"] * 3)
    assert [row["id"] for row in rows] == [each["id"] for each in reversed(begun)]
    assert {row["delivered"] for row in rows} == {None}
    assert [row["endpoint_id"] for row in rows] == [first["id"], second["id"], first["id"]]
    assert [row["total"] for row in rows] == [0, 0, 0]
    own = await listed(endpoint_id=second["id"])
    assert [row["id"] for row in own] == [begun[1]["id"]]
    assert await listed(endpoint_id=foreign["id"]) == []


async def test_an_underscore_is_itself(service: Stack) -> None:
    """A tenant whose id differs only where another has an underscore is not listed with it."""
    near = service.tenant.replace("_", "x")
    assert (await service.http.put(f"/v1/tenants/{near}", json={})).status_code == 201
    body = {"url": "https://hooks.example.com/"}
    made = (await service.http.post(f"/v1/tenants/{near}/endpoints", json=body)).json()
    recover = f"/v1/tenants/{near}/endpoints/{made['id']}/recover"
    since = {"since": "2020-01-01T00:00:00Z", "status": "failed"}
    assert (await service.http.post(recover, json=since)).status_code == 202

    async def listed(tenant: str, kind: str) -> list[dict[str, Any]]:
        return await walk(service.http, f"/v1/tenants/{tenant}/{kind}")

    for kind in ("recoveries", "status-changes"):
        await eventually(lambda kind=kind: listed(near, kind), lambda it: len(it) == 1)
        assert await listed(service.tenant, kind) == []


async def test_of_nobody(service: Stack) -> None:
    """The recoveries of a tenant that is not there are a 404."""
    assert (await service.http.get("/v1/tenants/t_none/recoveries")).status_code == 404
