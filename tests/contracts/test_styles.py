"""The files in docs/contracts: what is delivered by them, publishers' own libraries verify.

Twilio's library is not installed: its signature is computed here as Twilio's document prints it.
"""

import asyncio
import base64
import hmac
import json
import re
import shutil
import tomllib
import uuid
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import standardwebhooks
import stripe
import svix.webhooks
from slack_sdk.signature import SignatureVerifier
from support.contracts import register, speak
from support.node import NODE, install_packages
from support.receiver import Received, Receiver
from support.stack import Stack
from support.styles import CONTRACTS, EVENTS, FOLDER
from support.waiting import assert_eventually, eventually

from hookwright.contracts import load_contract
from hookwright.verify import VerificationError, verify

FILES = sorted(FOLDER.glob("*.toml"))
VERIFIERS = Path(__file__).parent / "verifiers"
ISO_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture(scope="session")
def node_verifiers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the libraries of GitHub and Shopify for Node, which is filled when needed."""
    folder = tmp_path_factory.mktemp("verifiers")
    for name in ("package.json", "package-lock.json", "verify.mjs"):
        shutil.copy(VERIFIERS / name, folder)
    return folder


async def deliver(service: Stack, hooks: Receiver, style: str) -> tuple[str, Received]:
    """Publish the event of a style, and return the endpoint's secret and what arrived."""
    await speak(service, style)
    endpoint = await register(service, style, hooks.url)
    answer = await service.http.post(f"{service.root}/events", json=EVENTS[style])
    assert answer.status_code == 202, answer.text
    await assert_eventually(lambda: len(hooks.requests) == 1)
    return endpoint.secret, hooks.requests[0]


def holds(style: str, request: Received, secret: str, url: str) -> bool:
    """Return whether our own `verify` accepts a webhook."""
    try:
        verify(CONTRACTS[style], request.headers, request.body, secret, url=url)
    except VerificationError:
        return False
    return True


async def node_accepts(folder: Path, style: str, request: Received, secret: str) -> bool:
    """Return what the publisher's library for Node says of a webhook."""
    if not (folder / "node_modules").exists():
        await install_packages(folder)
    process = await asyncio.create_subprocess_exec(
        NODE,
        folder / "verify.mjs",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    question = {
        "style": style,
        "secret": secret,
        "body": request.body.decode(),
        "headers": request.headers,
    }
    output, _ = await process.communicate(json.dumps(question).encode())
    assert output in (b"true\n", b"false\n")
    return output == b"true\n"


def is_uuid(text: str) -> bool:
    return str(uuid.UUID(text)) == text and uuid.UUID(text).version == 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_loads(path: Path) -> None:
    """Each file describes a contract, and uses the scheme that can express any of them."""
    contract = load_contract(path)
    assert contract.name == tomllib.loads(path.read_text())["name"]
    assert contract.signature.scheme == "template"
    assert set(EVENTS) == {load_contract(each).name for each in FILES}


@pytest.mark.timeout(180)
async def test_github(styled: Stack, hooks: Receiver, node_verifiers: Path) -> None:
    """GitHub's own library accepts the signature, and the headers have GitHub's names."""
    secret, request = await deliver(styled, hooks, "github")
    assert await node_accepts(node_verifiers, "github", request, secret)
    assert not await node_accepts(node_verifiers, "github", request, secret + "x")
    assert request.headers["x-github-event"] == "pull_request"
    assert request.headers["x-github-hook-id"] == "42"
    assert request.headers["x-github-hook-installation-target-type"] == "repository"
    assert is_uuid(request.headers["x-github-delivery"])
    assert json.loads(request.body) == {"action": "opened"}
    assert holds("github", request, secret, hooks.url)
    assert not holds("github", request, secret + "x", hooks.url)


@pytest.mark.timeout(180)
async def test_shopify(styled: Stack, hooks: Receiver, node_verifiers: Path) -> None:
    """Shopify's own library accepts the webhook of a type with a slash, all headers included."""
    secret, request = await deliver(styled, hooks, "shopify")
    assert await node_accepts(node_verifiers, "shopify", request, secret)
    assert not await node_accepts(node_verifiers, "shopify", request, secret + "x")
    assert request.headers["x-shopify-topic"] == "orders/create"
    assert request.headers["x-shopify-api-version"] == "2025-01"
    tenant = styled.root.rpartition("/")[2]
    assert request.headers["x-shopify-shop-domain"] == f"{tenant}.myshopify.example"
    assert re.fullmatch(ISO_TIME, request.headers["x-shopify-triggered-at"])
    assert holds("shopify", request, secret, hooks.url)
    assert not holds("shopify", request, secret + "x", hooks.url)


async def test_slack(styled: Stack, hooks: Receiver) -> None:
    """Slack's own library accepts the signature over version, time and body."""
    secret, request = await deliver(styled, hooks, "slack")
    assert SignatureVerifier(secret).is_valid_request(request.body, request.headers)
    assert not SignatureVerifier(secret + "x").is_valid_request(request.body, request.headers)
    assert json.loads(request.body)["event"] == {"text": "Zoë", "type": "message.channels"}
    assert holds("slack", request, secret, hooks.url)
    assert not holds("slack", request, secret + "x", hooks.url)


async def test_stripe(styled: Stack, hooks: Receiver) -> None:
    """Stripe's own library makes an event of the webhook."""
    secret, request = await deliver(styled, hooks, "stripe")
    header = request.headers["stripe-signature"]
    event = stripe.Webhook.construct_event(request.body, header, secret)
    assert event.type == "invoice.paid"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(request.body, header, secret + "x")
    assert holds("stripe", request, secret, hooks.url)
    assert not holds("stripe", request, secret + "x", hooks.url)


async def test_twilio_like(styled: Stack, hooks: Receiver) -> None:
    """The signature is HMAC-SHA1 over the URL and the sorted fields, and the body is a form."""
    secret, request = await deliver(styled, hooks, "twilio-like")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    fields = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    account = "AC00000000000000000000000000000000"
    assert fields == {
        "AccountSid": account, "Body": "a b&c=ü", "EventType": "onMessageAdded", "Num": "3",
    }  # fmt: skip
    signed = hooks.url + "".join(name + fields[name] for name in sorted(fields))
    expected = base64.b64encode(hmac.digest(secret.encode(), signed.encode(), "sha1")).decode()
    assert request.headers["x-twilio-signature"] == expected
    assert holds("twilio-like", request, secret, hooks.url)
    assert not holds("twilio-like", request, secret, hooks.url + "x")


async def test_standard_as_template(styled: Stack, hooks: Receiver) -> None:
    """The libraries of Standard Webhooks and Svix accept what the template signs."""
    secret, request = await deliver(styled, hooks, "standard-as-template")
    for library in (standardwebhooks.Webhook, svix.webhooks.Webhook):
        library(secret).verify(request.body, request.headers)
    assert holds("standard-as-template", request, secret, hooks.url)
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    assert not holds("standard-as-template", request, other, hooks.url)


@pytest.mark.parametrize(
    ("style", "event_type"), [("github", "orders/create"), ("shopify", "orders"), ("slack", "a:b")]
)
async def test_types_of_another_style(styled: Stack, style: str, event_type: str) -> None:
    """A type that does not match the contract's pattern is refused for events and endpoints."""
    await styled.http.put(styled.root, json={"contract": style})
    published = await styled.http.post(
        f"{styled.root}/events", json={"type": event_type, "data": {}}
    )
    assert published.status_code == 422
    assert "does not match the pattern" in published.text
    endpoint = {"url": "https://example.com/", "event_types": [event_type]}
    registered = await styled.http.post(f"{styled.root}/endpoints", json=endpoint)
    assert registered.status_code == 422


async def test_types_with_separators(service: Stack, hooks: Receiver) -> None:
    """Types with slashes and colons are published, subscribed to by prefix, and listed by type."""
    await service.add_endpoint(hooks.url, event_types=["orders/*", "customer:created"])
    for event_type in ("orders/create", "customer:created", "customer:deleted"):
        event = {"type": event_type, "data": 1}
        assert (await service.http.post(f"{service.root}/events", json=event)).status_code == 202
    await assert_eventually(lambda: len(hooks.requests) == 2)

    async def listed(event_type: str) -> list[str]:
        path = f"{service.root}/events"
        found = (await service.http.get(path, params={"type": event_type})).json()
        return [each["type"] for each in found["data"]]

    async def all_listed() -> bool:
        return [await listed(it) for it in ("orders/create", "customer:created")] == [
            ["orders/create"],
            ["customer:created"],
        ]

    await eventually(all_listed, within=30)


async def test_catalogue_of_types_with_separators(service: Stack) -> None:
    """A type with slashes has an entry in the catalogue, written plainly or escaped in the path."""
    name = f"orders/{uuid.uuid4().hex}/create:now"
    path = f"/v1/event-types/{name}"
    put = await service.http.put(path, json={"description": "An order"})
    assert put.status_code == 201, put.text
    escaped = name.replace("/", "%2F").replace(":", "%3A")
    for each in (path, f"/v1/event-types/{escaped}"):
        assert (await service.http.get(each)).json()["name"] == name
    assert (await service.http.delete(path)).status_code == 204
