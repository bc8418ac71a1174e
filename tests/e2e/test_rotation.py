"""Secrets rotate without a receiver missing a beat."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError
from support.receiver import Received, Receiver, answering
from support.stack import Stack
from support.waiting import assert_eventually, eventually

from hookwright.verify import verify
from hookwright.webhook import generate_secret


async def test_both_secrets_sign_during_the_grace(service: Stack, hooks: Receiver) -> None:
    """After a rotation old and new secret both verify; after one without grace only the new."""
    endpoint = await service.add_endpoint(hooks.url)
    rotate = f"{service.root}/endpoints/{endpoint['id']}/secret/rotate"
    rotated = (await service.http.post(rotate, json={"grace_period_seconds": 3600})).json()
    await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 1)
    for secret in (endpoint["secret"], rotated["secret"]):
        Webhook(secret).verify(hooks.requests[0].body, hooks.requests[0].headers)
    last = (await service.http.post(rotate, json={"grace_period_seconds": 0})).json()
    await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 2)
    request = hooks.requests[1]
    Webhook(last["secret"]).verify(request.body, request.headers)
    for old in (endpoint["secret"], rotated["secret"]):
        with pytest.raises(WebhookVerificationError):
            Webhook(old).verify(request.body, request.headers)


async def test_rotated_secret_signs_the_next_retry(service: Stack, hooks: Receiver) -> None:
    """A delivery that waits is signed with what is live when it wakes."""
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [1]})
    rotate = f"{service.root}/endpoints/{endpoint['id']}/secret/rotate"
    hooks.behave = answering(500, 200)
    await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 1)
    rotated = (await service.http.post(rotate, json={"grace_period_seconds": 0})).json()
    await assert_eventually(lambda: len(hooks.requests) == 2)
    Webhook(rotated["secret"]).verify(hooks.requests[1].body, hooks.requests[1].headers)


async def test_ed25519(service: Stack, hooks: Receiver) -> None:
    """A `whsk_` endpoint signs v1a, which its public key verifies, also after a rotation."""
    endpoint = await service.add_endpoint(hooks.url, secret=generate_secret(like="whsk_"))
    await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 1)
    verify_v1a(hooks.requests[0], endpoint["public_key"])
    path = f"{service.root}/endpoints/{endpoint['id']}"
    await service.http.post(f"{path}/secret/rotate", json={"grace_period_seconds": 0})
    await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 2)
    verify_v1a(hooks.requests[1], (await service.http.get(path)).json()["public_key"])


async def test_the_previous_secret_signs_alone(service: Stack, hooks: Receiver) -> None:
    """With `previous` a header with room for one has the old signature, then the new one."""
    old, new = "the-old-secret-0", "the-new-secret-1"
    endpoint = await service.add_endpoint(hooks.url, contract="plain", secret=old)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    wanted = {"secret": new, "sign_with": "previous", "grace_period_seconds": 2}
    answer = await service.http.post(f"{path}/secret/rotate", json=wanted)
    assert answer.status_code == 200, answer.text
    rotated = answer.json()
    assert rotated["secret"] == new
    assert rotated["signs_from"] == rotated["previous_expires_at"]
    await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 1)
    verify("plain", hooks.requests[0].headers, hooks.requests[0].body, old)
    read = (await service.http.get(path)).text
    assert old not in read
    assert new not in read
    newest, previous = json.loads(read)["secrets"]
    assert newest["signs_from"] == previous["expires_at"] == rotated["signs_from"]
    assert newest["expires_at"] is None
    assert newest["created_at"] > previous["created_at"]

    async def only_one_is_left() -> bool:
        return len((await service.http.get(path)).json()["secrets"]) == 1

    await eventually(only_one_is_left)
    await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 2)
    verify("plain", hooks.requests[1].headers, hooks.requests[1].body, new)


async def test_own_secret(service: Stack, hooks: Receiver) -> None:
    """A secret of the caller's own signs at once, and verifies beside the old one."""
    endpoint = await service.add_endpoint(hooks.url)
    own = generate_secret()
    rotate = f"{service.root}/endpoints/{endpoint['id']}/secret/rotate"
    for _ in range(2):  # a repeat is safe
        answer = await service.http.post(rotate, json={"secret": own})
        assert answer.json()["secret"] == own
    await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 1)
    for secret in (endpoint["secret"], own):
        Webhook(secret).verify(hooks.requests[0].body, hooks.requests[0].headers)


@pytest.mark.parametrize(
    ("contract", "given", "fields", "reason"),
    [
        ("standard", None, {"secret": "not-a-whsec-key-0"}, "begins with whsec_"),
        ("standard", None, {"secret": "whsec_dG9vLXNob3J0"}, "24 to 64 bytes"),
        ("plain", "the-old-secret-0", {"secret": "short-7"}, "8 to 256 characters"),
        ("clearway", None, {"secret": "clearway-makes-it"}, "send none"),
        ("plain", "the-old-secret-0", {"sign_with": "both"}, "'new' or 'previous'"),
    ],
)
async def test_secrets_that_are_refused(
    service: Stack, contract: str, given: str | None, fields: dict, reason: str
) -> None:
    """A secret is checked by the contract's rule, as at the registration, and never repeated."""
    registered = {"secret": given} if given else {}
    endpoint = await service.add_endpoint("https://e.com/", contract=contract, **registered)
    path = f"{service.root}/endpoints/{endpoint['id']}"
    answer = await service.http.post(f"{path}/secret/rotate", json=fields)
    assert answer.status_code == 422
    assert reason in answer.text
    assert fields.get("secret", "no such text") not in answer.text
    assert len((await service.http.get(path)).json()["secrets"]) == 1


def verify_v1a(request: Received, public_key: str) -> None:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    version, signature = request.headers["webhook-signature"].split(",")
    assert version == "v1a"
    signed = f"{request.webhook_id}.{request.headers['webhook-timestamp']}.".encode()
    key.verify(base64.b64decode(signature), signed + request.body)
