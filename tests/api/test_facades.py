"""What holds for every facade."""

from dataclasses import replace

import httpx
import pytest
import pytest_asyncio
from support.facades import CALLS, Developer, key_of
from support.receiver import Receiver
from support.stack import CODEC, Stack, api_client, api_config
from support.waiting import assert_eventually, eventually

from api.app import create_app
from api.facades import FACADES, UnknownFacadeError
from hookwright.temporal import connect
from runtime.dev import free_port

pytestmark = pytest.mark.usefixtures("large_tenant")


@pytest_asyncio.fixture(params=CALLS)
async def developer(service: Stack, request: pytest.FixtureRequest) -> Developer:
    """A developer at each facade in turn."""
    return Developer(service, CALLS[request.param])


async def test_every_facade_is_tested() -> None:
    """Each facade that can be switched on has its document's calls here."""
    assert set(CALLS) == set(FACADES)


async def test_register_list_change_delete(developer: Developer) -> None:
    """The document's body registers; lists and changes answer the same object; DELETE ends it."""
    created = await developer.register()
    secret = created.pop("secret", None)
    assert await developer.listed() == [created]
    answer = await developer.request("patch", f"/{created['id']}", developer.call.change)
    assert answer.status_code == 200, answer.text
    changed = developer.call.unwrapped(answer)
    assert changed == {**created, **developer.call.change}
    assert await developer.listed() == [changed]
    assert secret is None or secret not in (await developer.request("get")).text
    gone = await developer.request("delete", f"/{created['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    for method, body in (("delete", None), ("patch", developer.call.change)):
        answer = await developer.request(method, f"/{created['id']}", body)
        assert answer.status_code == 404
    assert await developer.listed() == []


async def test_order_of_lists(developer: Developer) -> None:
    """A list has all webhooks, oldest first."""
    ids = [(await developer.register())["id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert [webhook["id"] for webhook in await developer.listed()] == ids


async def test_native_routes_see_the_endpoint(developer: Developer) -> None:
    """An operator reads the same endpoint under the same id, with the facade's contract."""
    created = await developer.register()
    service = developer.service
    native = await service.http.get(f"{service.root}/endpoints/{created['id']}")
    assert native.json()["contract"] == developer.call.contract
    assert native.json()["url"] == developer.call.body["url"]


async def test_what_it_registers_is_delivered(developer: Developer, hooks: Receiver) -> None:
    """An event that an operator publishes reaches the registered URL; another type does not."""
    service, call = developer.service, developer.call
    wanted, other = call.types
    await service.http.put(service.root, json={"contract": call.contract})
    await developer.register({**call.with_events(wanted), "url": f"{hooks.url}/it"})
    await service.publish(id="evt_1", type=wanted)
    if call.events:  # else all types of the contract are wanted
        await service.publish(id="evt_2", type=other)

        async def fanned_out() -> dict[str, object]:
            return (await service.http.get(f"{service.root}/events/evt_2")).json()

        ended = await eventually(fanned_out, lambda event: event["fan_out"] == "complete")
        assert ended["deliveries"] == []
    await assert_eventually(lambda: [it.path for it in hooks.requests] == ["/hooks/it"])
    assert wanted.encode() in hooks.requests[0].body


async def test_another_tenant_sees_nothing(developer: Developer) -> None:
    """Another tenant's webhook is a 404 with the body of an unknown one, and is not listed."""
    theirs = await developer.register()
    other = await developer.another()
    assert await other.listed() == []
    for method, body in (("patch", developer.call.change), ("delete", None)):
        foreign = await other.request(method, f"/{theirs['id']}", body)
        unknown = await other.request(method, f"/{developer.call.unknown_id}", body)
        assert (foreign.status_code, foreign.text) == (404, unknown.text)
    assert [webhook["id"] for webhook in await developer.listed()] == [theirs["id"]]


async def test_another_contract_is_not_there(developer: Developer) -> None:
    """The tenant's endpoint of another contract is a 404 here, and is not listed."""
    others = [developer.at(name) for name in CALLS if name != developer.call.contract]
    ids = [(await other.register())["id"] for other in others]
    native = await developer.service.add_endpoint("https://hooks.example.com/")
    assert await developer.listed() == []
    for endpoint_id in [*ids, native["id"]]:
        for method, body in (("patch", developer.call.change), ("delete", None)):
            answer = await developer.request(method, f"/{endpoint_id}", body)
            # Where ids are numbers, a text is not an id.
            numbered = developer.call.unknown_id.isdecimal()
            assert answer.status_code == (422 if numbered and isinstance(endpoint_id, str) else 404)
    for other in others:
        assert len(await other.listed()) == 1


async def test_keys(developer: Developer) -> None:
    """Without a key it is a 401, with an unknown one too, with an operator's a 403."""
    service, call = developer.service, developer.call
    operator = service.http.headers["authorization"]
    for authorization, status in (("", 401), ("Bearer sk_live_no", 401), (operator, 403)):
        for method, path in (
            ("post", ""),
            ("get", ""),
            ("patch", f"/{call.unknown_id}"),
            ("delete", f"/{call.unknown_id}"),
        ):
            body = {"post": call.body, "patch": call.change}.get(method)
            headers = {"authorization": authorization}
            answer = await developer.request(method, path, body, headers=headers)
            assert answer.status_code == status, (method, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_key_of_a_tenant_that_is_not_there(developer: Developer) -> None:
    """A key whose tenant was never made, or was deleted, registers nothing: 404."""
    await developer.service.http.delete(developer.service.root)
    for method, body in (("post", developer.call.body), ("get", None)):
        answer = await developer.request(method, json=body)
        assert answer.status_code == 404
        assert answer.json()["detail"] == "there is no such tenant"


@pytest.mark.parametrize("developer", ["clearway", "dossier", "reflow"], indirect=True)
async def test_unknown_event_type(developer: Developer) -> None:
    """A type outside the contract's catalogue is a 422 that names it and the document's field."""
    created = await developer.register()
    wrong = developer.call.with_events("no.such")
    change = {developer.call.events: wrong[developer.call.events]}
    for method, path, body in (("post", "", wrong), ("patch", f"/{created['id']}", change)):
        answer = await developer.request(method, path, body)
        assert answer.status_code == 422
        [fault] = answer.json()["errors"]
        assert fault["loc"] == ["body", developer.call.events]
        assert "no.such" in fault["msg"]
    assert len(await developer.listed()) == 1


@pytest.mark.parametrize(
    "fault",
    [{"url": "ftp://your-app.com/"}, {"url": None}, {"id": "wh_1"}, {"tenant_id": "t"}],
    ids=str,
)
async def test_bad_bodies(developer: Developer, fault: dict[str, object]) -> None:
    """A bad URL and a field that the document does not have are 422s that name it."""
    created = await developer.register()
    for method, path, body in (
        ("post", "", {**developer.call.body, **fault}),
        ("patch", f"/{created['id']}", {**developer.call.change, **fault}),
    ):
        answer = await developer.request(method, path, body)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert next(iter(fault)) in answer.json()["errors"][0]["loc"]
    created.pop("secret", None)
    assert await developer.listed() == [created]


async def test_not_json(developer: Developer) -> None:
    """A body that is not JSON is a 400 problem."""
    headers = key_of(developer.service.tenant) | {"content-type": "application/json"}
    answer = await developer.service.http.post(developer.call.path, content=b"{", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("#not-json")


async def test_missing_fields(developer: Developer) -> None:
    """Each field that the document requires is named when it is missing."""
    optional = {"enabled", "description", "retryPolicy", "status", "header"}
    for name in developer.call.body.keys() - optional:
        body = {key: value for key, value in developer.call.body.items() if key != name}
        answer = await developer.request("post", json=body)
        assert answer.status_code == 422
        assert [fault["loc"] for fault in answer.json()["errors"]] == [["body", name]]


async def test_repeat_under_an_idempotency_key(developer: Developer) -> None:
    """A repeat under one Idempotency-Key registers nothing new; with another body it is a 409."""
    headers = {"idempotency-key": "once"}
    first, second = [
        await developer.request("post", json=developer.call.body, headers=headers) for _ in "12"
    ]
    assert (first.status_code, second.json()) == (201, first.json())
    other = {**developer.call.body, "url": "https://your-app.com/other"}
    assert (await developer.request("post", json=other, headers=headers)).status_code == 409
    assert len(await developer.listed()) == 1


@pytest.mark.parametrize("name", FACADES)
async def test_openapi(offline: httpx.AsyncClient, name: str) -> None:
    """OpenAPI has each facade's routes, with every status that they can answer."""
    paths = (await offline.get("/openapi.json")).json()["paths"]
    root = CALLS[name].path
    assert {"get", "post"} == set(paths[root])
    assert {"patch", "delete"} <= set(paths[f"{root}/{{webhook_id}}"])
    errors = {"401", "403", "404", "421", "422", "429", "431", "503"}
    assert set(paths[root]["get"]["responses"]) == {"200"} | errors
    assert set(paths[root]["post"]["responses"]) == {
        *("201", "400", "408", "409", "413", "415"),
        *errors,
    }


async def test_facades_that_are_off(offline: httpx.AsyncClient) -> None:
    """Only the facades that are named are served; the others are 404s and not in OpenAPI."""
    client = await connect(CODEC, target_host=f"127.0.0.1:{free_port()}", lazy=True)
    for names in ([], ["clearway"], ["reflow", "dossier"]):
        config = replace(api_config("queue"), facades=names)
        async with api_client(client, config) as http:
            paths = set((await http.get("/openapi.json")).json()["paths"])
            for name, call in CALLS.items():
                assert (call.path in paths) == (name in names)
                answer = await http.post(call.path, json=call.body, headers=key_of("t_off"))
                assert (answer.status_code == 404) == (name not in names)
    assert (await offline.get("/healthz")).status_code == 200


async def test_unknown_facade() -> None:
    """A name that is no facade stops the start, and the error names those that there are."""
    client = await connect(CODEC, target_host=f"127.0.0.1:{free_port()}", lazy=True)
    with pytest.raises(UnknownFacadeError) as error:
        create_app(client, replace(api_config("queue"), facades=["reflow", "nonesuch"]))
    assert str(error.value) == (
        "no such facade: nonesuch; there are: all, clearway, cr3dentials, dossier, plain, reflow"
    )
