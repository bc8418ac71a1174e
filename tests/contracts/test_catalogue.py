"""What a contract's catalogue lets through: event types, and the fields beside the data."""

import json
import tomllib

import httpx
import pytest
from support.contracts import register, speak
from support.receiver import Receiver
from support.stack import CONTRACTS, Stack
from support.waiting import assert_eventually

from hookwright.contracts import Contract, load_contract
from hookwright.contracts.registry import SHIPPED

URL = "https://hooks.example.com/"
FILES = sorted(SHIPPED.glob("*.toml"))
TYPES = {"reflow": 13, "cr3dentials": 4, "clearway": 24, "dossier": 8, "plain": 0, "standard": 0}
FOREIGN = {
    "reflow": ["loan.lost", "loans.*", "loan.funded.*"],
    "clearway": ["capital_call", "invoice.*", "organization.member"],
    "cr3dentials": ["verification.begun", "identity.*"],
    "dossier": ["dossier.deleted", "message.received.*"],
}
COVERING = {
    "reflow": ["*", "loan.*", "listing.sold"],
    "clearway": ["organization.*", "organization.member.*", "integration.sync.failed"],
    "cr3dentials": ["verification.*"],
    "dossier": ["*", "appointment.*"],
    "plain": ["*", "anything.*", "anything.at.all"],
}


def merged(given: dict, defaults: dict) -> dict:
    """Return a file's data over the defaults, table by table."""
    return {
        name: merged(given[name], default)
        if isinstance(default, dict) and isinstance(given.get(name), dict)
        else given.get(name, default)
        for name, default in {**dict.fromkeys(given), **defaults}.items()
    }


def refusal(answer: httpx.Response) -> tuple[list[str], str]:
    """Return where a 422's first fault is, and what it says."""
    assert answer.status_code == 422, answer.text
    fault = answer.json()["errors"][0]
    return fault["loc"], fault["msg"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_files_are_answered_as_data(service: Stack, path) -> None:
    """File -> model -> GET gives the file's own data and the defaults, and a Contract again."""
    in_file = tomllib.loads(path.read_text())
    answered = (await service.http.get(f"/v1/contracts/{in_file['name']}")).json()
    defaults = {
        "json_style": "compact", "body_format": "json", "headers": {}, "constant_headers": {},
        "event_types": {}, "event_type_pattern": None,
        "signature": {
            "prefix": "", "signed": "", "value": "", "repeat": "", "hash": "sha256", "key": "text",
            "key_prefix": "",
        },
        "secret": {"given": "optional", "min_length": 16, "max_length": 256},
        "retry": {"jitter": 0.0, "honours_retry_after": True, "not_retried": []},
        "deactivation": {
            "exhausted_in_a_row": None, "failing_for_seconds": None, "failure_rate": None,
            "gone": False,
        },
    }  # fmt: skip
    in_file.setdefault("secret", {})
    in_file.setdefault("deactivation", {})
    defaults["extra"] = {
        name: {"choices": [], "default": None} for name in in_file.get("extra", {})
    }
    assert answered == merged(in_file, defaults)
    assert list(answered["event_types"]) == list(in_file.get("event_types", {}))
    assert Contract.model_validate_json(json.dumps(answered)) == load_contract(path)
    listed = (await service.http.get("/v1/contracts")).json()["data"]
    assert answered in listed
    assert len(listed) == len(FILES)


def test_catalogues_are_complete() -> None:
    """Each contract has as many event types as its document lists."""
    assert {name: len(contract.event_types) for name, contract in CONTRACTS.items()} == TYPES


@pytest.mark.parametrize(
    ("contract", "pattern"), [(name, each) for name, all_ in FOREIGN.items() for each in all_]
)
async def test_foreign_subscription(service: Stack, contract: str, pattern: str) -> None:
    """A type or prefix that covers nothing is a 422 that names it, at creation and at change."""
    await speak(service, contract)
    body = {"url": URL, "event_types": ["*", pattern]}
    if contract == "reflow":
        body["secret"] = "your_webhook_secret"
    loc, msg = refusal(await service.http.post(f"{service.root}/endpoints", json=body))
    assert loc == ["body", "event_types"]
    assert f"{pattern} is no event type of contract {contract}" in msg
    endpoint = await register(service, contract, URL)
    path = f"{service.root}/endpoints/{endpoint.id}"
    changed = await service.http.patch(path, json={"event_types": [pattern]})
    assert refusal(changed) == (loc, msg)
    assert (await service.http.get(path)).json()["event_types"] == ["*"]


@pytest.mark.parametrize("contract", COVERING)
async def test_covering_subscription(service: Stack, contract: str) -> None:
    """Everything, a prefix and a type of the catalogue can be subscribed to."""
    await speak(service, contract)
    endpoint = await register(service, contract, URL)
    for pattern in COVERING[contract]:
        changed = await service.http.patch(
            f"{service.root}/endpoints/{endpoint.id}", json={"event_types": [pattern]}
        )
        assert changed.status_code == 200, changed.text
        assert changed.json()["event_types"] == [pattern]


@pytest.mark.parametrize("contract", FOREIGN)
async def test_foreign_event(service: Stack, contract: str) -> None:
    """An event of another type is a 422 that names it and the catalogue; nothing is stored."""
    await speak(service, contract)
    kind = FOREIGN[contract][0]
    event = {"id": "evt_1", "type": kind, "data": {}}
    loc, msg = refusal(await service.http.post(f"{service.root}/events", json=event))
    assert loc == ["body", "type"]
    assert msg.startswith(f"{kind} is no event type of contract {contract}")
    assert all(known in msg for known in CONTRACTS[contract].event_types)
    assert (await service.http.get(f"{service.root}/events/evt_1")).status_code == 404


async def test_catalogue_counts_at_once(service: Stack) -> None:
    """A tenant's new contract is the one that the very next publish is held against."""
    await service.publish(type="anything.at.all")
    await speak(service, "reflow")
    event = {"type": "anything.at.all", "data": {}}
    refusal(await service.http.post(f"{service.root}/events", json=event))


BAD_EXTRAS = [
    ("clearway", "user.created", {"colour": "red"}, "colour", "livemode"),
    ("clearway", "user.created", {"livemode": "yes"}, "livemode", "boolean"),
    ("clearway", "user.created", {"livemode": 1}, "livemode", "boolean"),
    ("clearway", "user.created", {"livemode": None}, "livemode", "boolean"),
    ("clearway", "user.created", {"previous_attributes": []}, "previous_attributes", "object"),
    ("clearway", "user.created", {"previous_attributes": None}, "previous_attributes", "object"),
    ("cr3dentials", "verification.failed", {"status": "maybe"}, "status", "success, failed"),
    ("cr3dentials", "verification.failed", {"status": True}, "status", "string"),
    ("cr3dentials", "verification.failed", {"status": ""}, "status", "success, failed"),
    ("cr3dentials", "verification.failed", {"livemode": True}, "livemode", "status"),
    ("reflow", "loan.funded", {"livemode": True}, "livemode", "no extra"),
    ("standard", "a", {"a.b": 1}, "a.b", "pattern"),
]


@pytest.mark.parametrize(("contract", "kind", "extra", "name", "says"), BAD_EXTRAS)
async def test_bad_extra(  # noqa: PLR0913 - a table
    service: Stack, contract: str, kind: str, extra: dict, name: str, says: str
) -> None:
    """An extra field of another name, type or choice is a 422 that points at it."""
    await speak(service, contract)
    event = {"type": kind, "data": {}, "extra": extra}
    loc, msg = refusal(await service.http.post(f"{service.root}/events", json=event))
    assert loc[:3] == ["body", "extra", name]
    assert says in msg
    batch = await service.http.post(f"{service.root}/events/batch", json={"events": [event]})
    assert batch.json()["results"][0]["status"] == 422


async def test_clearways_extra_fields(service: Stack, hooks: Receiver) -> None:
    """Clearway's livemode is true unless said; previous_attributes stand there only if given."""
    await speak(service, "clearway")
    await register(service, "clearway", hooks.url)
    extras = {
        "none": {},
        "test": {"livemode": False},
        "empty": {"previous_attributes": {}},
        "both": {"livemode": True, "previous_attributes": {"email": None}},
    }
    for name, extra in extras.items():
        await service.publish(id=name, type="user.updated", data={"id": 1}, extra=extra)
    await assert_eventually(lambda: len(hooks.requests) == len(extras))
    bodies = {body["id"]: body for body in (json.loads(each.body) for each in hooks.requests)}
    assert {name: body["livemode"] for name, body in bodies.items()} == {
        "none": True, "test": False, "empty": True, "both": True,
    }  # fmt: skip
    assert {name: body["data"] for name, body in bodies.items()} == {
        "none": {"object": {"id": 1}},
        "test": {"object": {"id": 1}},
        "empty": {"object": {"id": 1}, "previous_attributes": {}},
        "both": {"object": {"id": 1}, "previous_attributes": {"email": None}},
    }


async def test_cr3dentials_status(service: Stack, hooks: Receiver) -> None:
    """Cr3dentials' status follows from the type, unless it is given."""
    await speak(service, "cr3dentials")
    await register(service, "cr3dentials", hooks.url)
    follows = {"completed": "success", "review_completed": "success", "failed": "failed"}
    follows["expired"] = "failed"
    for kind in follows:
        await service.publish(type=f"verification.{kind}", data={"given": False})
    await service.publish(
        type="verification.review_completed", data={"given": True}, extra={"status": "failed"}
    )
    await assert_eventually(lambda: len(hooks.requests) == len(follows) + 1)
    bodies = [json.loads(request.body) for request in hooks.requests]
    assert {b["type"]: b["status"] for b in bodies if not b["data"]["given"]} == {
        f"verification.{kind}": status for kind, status in follows.items()
    }
    assert [b["status"] for b in bodies if b["data"]["given"]] == ["failed"]
