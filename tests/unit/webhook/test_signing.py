"""Signatures, checked by verifiers that are not ours."""

import base64
import json
import time

import pytest
import standardwebhooks
import svix.webhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import HMAC_SECRETS, JSON, NAMES

from hookwright.webhook import generate_secret, public_key
from hookwright.webhook.signing import sign_standard

BODIES = JSON.map(lambda value: json.dumps(value, ensure_ascii=False).encode())
ED25519_SECRETS = st.builds(generate_secret, st.just("whsk_"))
VERIFIERS = (standardwebhooks.Webhook, svix.webhooks.Webhook)


def headers_for(secrets: list[str], event_id: str, body: bytes) -> dict[str, str]:
    now = int(time.time())
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(now),
        "webhook-signature": sign_standard(secrets, event_id, now, body),
    }


def v1a_signatures(header: str) -> list[bytes]:
    versioned = [part.split(",") for part in header.split(" ")]
    return [base64.b64decode(signature) for version, signature in versioned if version == "v1a"]


def verifying_key(secret: str) -> Ed25519PublicKey:
    encoded = (public_key(secret) or "").removeprefix("whpk_")
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded))


@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda it: it.__module__)
@given(secret=HMAC_SECRETS, event_id=NAMES, body=BODIES)
def test_others_verify_v1(verifier, secret, event_id, body):
    """Receivers' libraries accept a v1 signature over any body, id and key of 24 to 64 bytes."""
    verifier(secret).verify(body, headers_for([secret], event_id, body))


@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda it: it.__module__)
@given(secret=HMAC_SECRETS, event_id=NAMES, body=BODIES, other=HMAC_SECRETS)
def test_others_refuse_what_was_changed(verifier, secret, event_id, body, other):
    """Another body, id or key does not verify."""
    headers = headers_for([secret], event_id, body)
    fault = standardwebhooks.WebhookVerificationError
    with pytest.raises(fault):
        verifier(secret).verify(body + b" ", headers)
    with pytest.raises(fault):
        verifier(secret).verify(body, {**headers, "webhook-id": event_id + "x"})
    if other != secret:
        with pytest.raises(fault):
            verifier(other).verify(body, headers)


@given(secret=ED25519_SECRETS, event_id=NAMES, body=st.binary(max_size=200))
def test_ed25519_verifies_v1a(secret, event_id, body):
    """The whpk_ key verifies a v1a signature over id.timestamp.body, any bytes."""
    headers = headers_for([secret], event_id, body)
    (signature,) = v1a_signatures(headers["webhook-signature"])
    signed = b".".join([event_id.encode(), headers["webhook-timestamp"].encode(), body])
    verifying_key(secret).verify(signature, signed)
    with pytest.raises(InvalidSignature):
        verifying_key(secret).verify(signature, signed + b"x")


@given(
    secrets=st.lists(HMAC_SECRETS | ED25519_SECRETS, min_size=1, max_size=10, unique=True),
    body=BODIES,
)
def test_every_live_secret_signs(secrets, body):
    """During a rotation there is one signature for each live secret, and each verifies."""
    headers = headers_for(secrets, "evt_1", body)
    header = headers["webhook-signature"]
    assert len(header.split(" ")) == len(secrets)
    signed = b".".join([b"evt_1", headers["webhook-timestamp"].encode(), body])
    asymmetric = iter(v1a_signatures(header))
    for secret in secrets:
        if secret.startswith("whsk_"):
            verifying_key(secret).verify(next(asymmetric), signed)
        else:
            standardwebhooks.Webhook(secret).verify(body, headers)


def test_the_specifications_own_example():
    """The signature of the example in the Standard Webhooks specification comes out."""
    header = sign_standard(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert header == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
