"""The catalogue of event types, and what publish makes of it."""

import json

import httpx
import pytest
from support.facades import key_of
from support.receiver import Receiver
from support.stack import Stack, unique

SCHEMA = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "integer", "minimum": 1}},
}


async def put(service: Stack, name: str, **config: object) -> dict:
    answer = await service.http.put(f"/v1/event-types/{name}", json=config)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def checking(service: Stack, mode: str, **settings: object) -> None:
    body = {"event_type_checks": mode, **settings}
    assert (await service.http.put(service.root, json=body)).json()["event_type_checks"] == mode


async def listed(service: Stack) -> dict[str, dict]:
    rows, cursor = {}, None
    while True:
        params = {"limit": 20, **({"cursor": cursor} if cursor else {})}
        page = (await service.http.get("/v1/event-types", params=params)).json()
        assert not rows.keys() & {row["name"] for row in page["data"]}
        rows |= {row["name"]: row for row in page["data"]}
        if (cursor := page["next_cursor"]) is None:
            return rows


async def test_put_read_list_delete(service: Stack) -> None:
    """A type is entered, changed, listed by name with the contracts', and taken out again."""
    name = unique("loan")
    path = f"/v1/event-types/{name}"
    assert (await service.http.get(path)).status_code == 404
    config = {"description": "d", "json_schema": SCHEMA, "example": {"amount": 2}}
    created = await service.http.put(path, json=config)
    assert created.status_code == 201
    entry = created.json()
    assert entry == {
        **config, "name": name, "deprecated": False, "contracts": [],
        "created_at": entry["created_at"], "updated_at": entry["updated_at"],
    }  # fmt: skip
    assert (await service.http.get(path)).json() == entry
    changed = await service.http.put(path, json={"deprecated": True})
    assert changed.status_code == 200
    assert (changed.json()["json_schema"], changed.json()["deprecated"]) == (None, True)
    assert changed.json()["created_at"] == entry["created_at"]
    rows = await listed(service)
    assert rows[name] == changed.json()
    assert list(rows) == sorted(rows)
    assert (await service.http.delete(path)).status_code == 204
    assert (await service.http.get(path)).status_code == 404
    assert (await service.http.delete(path)).status_code == 404
    assert name not in await listed(service)


async def test_contracts_tables_are_shown_and_stay(service: Stack) -> None:
    """A contract's event type is in the catalogue as data: it can be described, never deleted."""
    path = "/v1/event-types/capital_call.rejected"
    shipped = (await service.http.get(path)).json()
    assert shipped["contracts"] == ["clearway"]
    assert (shipped["description"], shipped["created_at"]) == ("Capital call rejected", None)
    assert (await listed(service))["capital_call.rejected"] == shipped
    assert (await service.http.delete(path)).status_code == 409
    own = await put(service, "capital_call.rejected", description="ours")
    assert (own["description"], own["contracts"]) == ("ours", ["clearway"])
    assert (await service.http.delete(path)).status_code == 204
    assert (await service.http.get(path)).json() == shipped


BAD = {
    "no schema": ({"json_schema": {"type": "text"}}, "json_schema"),
    "remote": ({"json_schema": {"$ref": "http://169.254.169.254/"}}, "json_schema"),
    "example that does not fit": ({"json_schema": SCHEMA, "example": {}}, "example"),
    "too large": ({"json_schema": {"title": "x" * 40_000}}, "32768"),
    "unknown field": ({"schema": {}}, "schema"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_type_is_refused_before_temporal(offline: httpx.AsyncClient, name: str) -> None:
    """What cannot be checked by is a 422 that says why, though Temporal is not even there."""
    body, fault = BAD[name]
    answer = await offline.put("/v1/event-types/a.b", json=body)
    assert answer.status_code == 422
    assert fault in answer.text


async def test_tenants_read_and_operators_write(service: Stack) -> None:
    """A tenant's key reads the catalogue and changes nothing in it."""
    headers = key_of(service.tenant)
    assert (await service.http.get("/v1/event-types", headers=headers)).status_code == 200
    for call in ("put", "delete"):
        content = {"json": {}} if call == "put" else {}
        answer = await service.http.request(call, "/v1/event-types/a", headers=headers, **content)
        assert answer.status_code == 403


async def test_enforce_refuses_with_the_path(service: Stack) -> None:
    """Enforced, data that does not fit and unknown types are 422; in a batch each by itself."""
    name = unique("loan")
    await put(service, name, json_schema=SCHEMA)
    await checking(service, "enforce")
    path = f"{service.root}/events"
    event = {"type": name, "data": {"amount": 0}}
    answer = await service.http.post(path, json=event)
    assert answer.status_code == 422
    [fault] = answer.json()["errors"]
    assert fault["loc"] == ["body", "data", "amount"]
    assert "$.amount" in fault["msg"]
    unknown = await service.http.post(path, json={"type": unique("other"), "data": 1})
    assert (unknown.status_code, unknown.json()["errors"][0]["loc"]) == (422, ["body", "type"])
    events = [event, {"type": name, "data": {"amount": 1}}]
    batch = await service.http.post(f"{path}/batch", json={"events": events})
    assert [each["status"] for each in batch.json()["results"]] == [422, 202]


async def test_warn_accepts_and_says_so(service: Stack) -> None:
    """Warned of, the same events are accepted; a deprecated type is warned of too."""
    name = unique("loan")
    await put(service, name, json_schema=SCHEMA, deprecated=True)
    await checking(service, "warn")
    accepted = await service.publish(type=name, data={"amount": 0})
    assert [each.split(":")[0] for each in accepted["warnings"]] == ["type", "data.amount"]
    assert "catalogue" in (await service.publish(type=unique("other")))["warnings"][0]


async def test_off_checks_nothing(service: Stack) -> None:
    """A tenant that says nothing is checked for nothing."""
    name = unique("loan")
    await put(service, name, json_schema=False)
    assert (await service.publish(type=name))["warnings"] == []


async def test_contracts_types_are_known(service: Stack) -> None:
    """Enforced, a type of the tenant's contract passes though the catalogue lacks it."""
    await checking(service, "enforce", contract="clearway")
    accepted = await service.publish(type="capital_call.approved", data={})
    assert accepted["warnings"] == []


async def of_contract(service: Stack, contract: str, limit: int = 100) -> dict[str, dict]:
    rows: dict[str, dict] = {}
    cursor = None
    while True:
        params = {"contract": contract, "limit": limit, **({"cursor": cursor} if cursor else {})}
        page = (await service.http.get("/v1/event-types", params=params)).json()
        rows |= {row["name"]: row for row in page["data"]}
        if (cursor := page["next_cursor"]) is None:
            return rows


async def test_types_of_one_contract(service: Stack) -> None:
    """With `contract` only its table's types are listed, with the catalogue's example of each."""
    foreign = unique("loan")
    await put(service, foreign, description="of the catalogue")
    await put(service, "capital_call.created", description="A call.", example={"amount": 2})
    rows = await of_contract(service, "clearway", limit=2)
    everything = await listed(service)
    assert set(rows) == {name for name, it in everything.items() if "clearway" in it["contracts"]}
    assert "capital_call.approved" in rows
    assert foreign not in rows
    assert list(rows) == sorted(rows)
    assert rows["capital_call.created"]["example"] == {"amount": 2}
    await service.http.delete("/v1/event-types/capital_call.created")


async def test_a_contract_without_a_table_has_the_catalogues_types(service: Stack) -> None:
    """A contract that names no types may send those of the catalogue, and no other contract's."""
    name = unique("loan")
    await put(service, name)
    rows = await of_contract(service, "standard")
    assert name in rows
    assert "capital_call.approved" not in rows


async def test_one_type_of_one_contract(service: Stack) -> None:
    """A type is described by the contract that is asked for; a foreign one is a 404."""
    path = "/v1/event-types/capital_call.approved"
    found = await service.http.get(path, params={"contract": "clearway"})
    assert (found.status_code, found.json()["contracts"]) == (200, ["clearway"])
    assert found.json() == (await service.http.get(path)).json()
    assert (await service.http.get(path, params={"contract": "dossier"})).status_code == 404
    for url in (path, "/v1/event-types"):
        answer = await service.http.get(url, params={"contract": "nonesuch"})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["loc"] == ["query", "contract"]


async def test_a_cursor_belongs_to_its_contract(service: Stack) -> None:
    """A cursor of one contract's types is refused for another's, and for all."""
    page = await service.http.get("/v1/event-types", params={"contract": "clearway", "limit": 1})
    cursor = page.json()["next_cursor"]
    assert cursor
    for other in ({}, {"contract": "dossier"}):
        answer = await service.http.get("/v1/event-types", params={"cursor": cursor, **other})
        assert answer.status_code == 422


async def test_a_test_event_has_the_example_of_its_type(service: Stack, hooks: Receiver) -> None:
    """A test without data sends the catalogue's example; given data wins, null too."""
    known, without = unique("loan"), unique("loan")
    await put(service, known, example={"amount": 2, "of": ["a"]})
    await put(service, without)
    endpoint = await service.add_endpoint(hooks.url)
    path = f"{service.root}/endpoints/{endpoint['id']}/test"
    bodies = [
        {"type": known},
        {"type": known, "data": {"n": 1}},
        {"type": known, "data": None},
        {"type": without},
        {"type": unique("loan")},
        {},
        None,
    ]
    for body in bodies:
        sent = await service.http.post(path, **({"json": body} if body is not None else {}))
        assert sent.json()["outcome"] == "delivered", sent.text
    assert [json.loads(request.body)["data"] for request in hooks.requests] == [
        {"amount": 2, "of": ["a"]},
        {"n": 1},
        None,
        *[{"test": True}] * 4,
    ]
