"""Every published document: its own example event, verified by the code that it prints."""

import importlib
import json
import re
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from support.contracts import Registered, register, speak
from support.documents import register_as_printed
from support.node import node_receiver
from support.receiver import Receiver
from support.stack import Stack
from support.waiting import assert_eventually, eventually

from runtime.dev import free_port

PUBLISHED = Path(__file__).parent / "published"
EXAMPLES = sorted(path.stem for path in PUBLISHED.glob("*.json"))
CONTRACTS = ["clearway", "cr3dentials", "dossier", "plain", "reflow"]
TIME_FIELDS = {"reflow": "created", "plain": "createdAt", "clearway": "created"}
TIME_FIELDS["dossier"] = "timestamp"
SIGNATURES = {"reflow": "x-reflow-signature", "clearway": "x-clearway-signature"}
CHANGES = 24


def example(name: str) -> dict:
    """Return an example as its document prints it."""
    return json.loads((PUBLISHED / f"{name}.json").read_text())


def example_event(name: str) -> dict:
    """Return what a publisher sends for an example to come out."""
    contract, shown = name.split(".", maxsplit=1)[0], example(name)
    event = {"type": shown.get("type") or shown["event"], "data": shown["data"]}
    if "id" in shown:
        event["id"] = shown["id"]
    if contract == "cr3dentials":
        event["extra"] = {"status": shown["status"]}
    if contract == "clearway":
        extra = {"livemode": shown["livemode"], **shown["data"]}
        event |= {"data": extra.pop("object"), "extra": extra}
    return event


def first_example(contract: str) -> str:
    return next(name for name in EXAMPLES if name.startswith(f"{contract}."))


def in_order(value: object) -> str:
    """Return a value's JSON, in which the order of keys counts, and 1 is not 1.0."""
    return json.dumps(value, ensure_ascii=False)


async def delivery_after(service: Stack, to: Registered, event: dict) -> dict:
    """Return the event's delivery once it has an attempt."""
    return await eventually(
        lambda: service.delivery(to.id, event["id"]), lambda it: bool(it.get("attempts"))
    )


def test_every_contract_has_an_example() -> None:
    """No published contract goes without an example here, and each is one of a contract."""
    assert {name.split(".")[0] for name in EXAMPLES} == set(CONTRACTS)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_document_accepts_its_example(service: Stack, name: str) -> None:
    """A document's own code accepts its own example at the first attempt, and it looks as shown."""
    contract, port = name.split(".", maxsplit=1)[0], free_port()
    await speak(service, contract)
    endpoint = await register_as_printed(
        service, contract, f"http://127.0.0.1:{port}/hooks", example_event(name)["type"]
    )
    async with node_receiver(contract, endpoint.secret, port) as node:
        event = await service.publish(**example_event(name))
        status, request = await node.received()
    delivery = await delivery_after(service, endpoint, event)
    assert (status, delivery["state"]) == (200, "delivered")
    assert [attempt["outcome"] for attempt in delivery["attempts"]] == ["delivered"]
    body, shown = json.loads(request.body), example(name)
    if field := TIME_FIELDS.get(contract):
        seconds = event["created_at"][:19] + "Z"
        unix = int(datetime.fromisoformat(seconds).timestamp())
        shown[field] = unix if isinstance(shown[field], int) else seconds
    assert in_order(body) == in_order(shown)
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_document_refuses_another_secret(service: Stack, contract: str) -> None:
    """A document's own code refuses what another secret signed, and the attempt says 401."""
    port = free_port()
    await speak(service, contract)
    endpoint = await register_as_printed(
        service,
        contract,
        f"http://127.0.0.1:{port}/hooks",
        example_event(first_example(contract))["type"],
    )
    async with node_receiver(contract, endpoint.secret + "x", port):
        event = await service.publish(**example_event(first_example(contract)))
        delivery = await delivery_after(service, endpoint, event)
    first = delivery["attempts"][0]
    assert (first["outcome"], first["status_code"]) == ("http_error", 401)
    assert delivery["state"] == ("exhausted" if contract == "clearway" else "pending")


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_document_refuses_a_changed_byte(
    service: Stack, hooks: Receiver, contract: str
) -> None:
    """A document's own code refuses the very request that it accepts with any byte changed."""
    await speak(service, contract)
    endpoint = await register_as_printed(
        service, contract, hooks.url, example_event(first_example(contract))["type"]
    )
    await service.publish(**example_event(first_example(contract)))
    await assert_eventually(lambda: hooks.requests)
    port, [request] = free_port(), hooks.requests[:1]
    body = request.body
    async with (
        node_receiver(contract, endpoint.secret, port),
        httpx.AsyncClient(headers=request.headers, trust_env=False) as http,
    ):

        async def status(content: bytes, **headers: str) -> int:
            answer = await http.post(f"http://127.0.0.1:{port}/", content=content, headers=headers)
            return answer.status_code

        assert await status(body) == 200
        for at in range(0, len(body), max(len(body) // CHANGES, 1)):
            changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
            assert await status(changed) in (400, 401), changed
        name = SIGNATURES.get(contract, "x-webhook-signature")
        signature = request.headers[name]
        other = signature[:-4] + ("0" if signature[-4] != "0" else "1") + signature[-3:]
        assert await status(body, **{name: other}) == 401


@pytest.mark.parametrize("contract", ["clearway", "dossier"])
async def test_document_in_python(service: Stack, hooks: Receiver, contract: str) -> None:
    """The Python that a document prints accepts its examples, and nothing that was changed."""
    printed = importlib.import_module(f"contracts.published.{contract}_verify")
    verify = printed.verify_webhook_signature
    await speak(service, contract)
    for name in (name for name in EXAMPLES if name.startswith(f"{contract}.")):
        event = example_event(name)
        endpoint = await register_as_printed(service, contract, hooks.url, event["type"])
        before = len(hooks.requests)
        await service.publish(**{**event, "endpoint_id": endpoint.id})
        await assert_eventually(lambda count=before: len(hooks.requests) == count + 1)
        request = hooks.requests[-1]
        payload = request.body.decode()
        signature = request.headers[SIGNATURES.get(contract, "x-webhook-signature")]
        assert verify(payload, signature, endpoint.secret)
        assert not verify(payload, signature, endpoint.secret + "x")
        assert not verify(payload.replace("e", "a", 1), signature, endpoint.secret)


async def test_headers_of_their_own(service: Stack, hooks: Receiver) -> None:
    """Plain sends the event's id and a unix time, dossier the delivery's id, the others neither."""
    sent = {}
    for contract in CONTRACTS:
        mine = await service.with_new_tenant()
        await speak(mine, contract)
        endpoint = await register(mine, contract, f"{hooks.url}/{contract}")
        event = await mine.publish(**example_event(first_example(contract)))
        sent[contract] = (endpoint.id, event["id"])
    await assert_eventually(lambda: len(hooks.requests) == len(CONTRACTS))
    headers = {request.path.split("/")[-1]: request.headers for request in hooks.requests}
    assert headers["plain"]["x-webhook-id"] == sent["plain"][1]
    assert re.fullmatch(r"\d{10}", headers["plain"]["x-webhook-timestamp"])
    assert headers["dossier"]["x-webhook-id"] == ":".join(sent["dossier"])
    for contract in ("reflow", "cr3dentials", "clearway"):
        assert "x-webhook-id" not in headers[contract]
    assert not any(name.startswith("webhook-") for each in headers.values() for name in each)
