"""Secrets rotate without a receiver missing a beat."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError
from support.receiver import Received, Receiver, answering
from support.stack import Stack
from support.waiting import assert_eventually

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


def verify_v1a(request: Received, public_key: str) -> None:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    version, signature = request.headers["webhook-signature"].split(",")
    assert version == "v1a"
    signed = f"{request.webhook_id}.{request.headers['webhook-timestamp']}.".encode()
    key.verify(base64.b64decode(signature), signed + request.body)
