"""Verifying, checked against code that is not ours: what one side signs, the other accepts."""

import json
import time
from datetime import UTC, datetime

import pytest
import standardwebhooks
import stripe
import svix.webhooks
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import HMAC_SECRETS, JSON, NAMES
from support.webhooks import signed_headers

from hookwright.contracts import load_contracts
from hookwright.verify import VerificationError, verify

BODIES = JSON.map(lambda value: json.dumps(value, ensure_ascii=False))
TEXT_SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8)
CONTRACTS = load_contracts()
CLEARWAY = CONTRACTS["clearway"]
HEADER = CLEARWAY.signature.header


@pytest.mark.parametrize("signer", [standardwebhooks.Webhook, svix.webhooks.Webhook])
@given(secret=HMAC_SECRETS, event_id=NAMES, body=BODIES)
def test_standard_webhooks_from_others(signer, secret, event_id, body):
    """What the libraries of Standard Webhooks and Svix sign, we accept."""
    now = int(time.time())
    headers = {
        "Webhook-Id": event_id,
        "Webhook-Timestamp": str(now),
        "Webhook-Signature": signer(secret).sign(event_id, datetime.fromtimestamp(now, UTC), body),
    }
    verify("standard", headers, body.encode(), secret)


@given(secrets=st.lists(TEXT_SECRETS, min_size=1, max_size=3, unique=True), body=BODIES)
def test_stripe_accepts_the_timestamped_scheme(secrets, body):
    """Stripe's library accepts what we sign in its form, with each live secret."""
    header = signed_headers(CLEARWAY, secrets, body.encode())[HEADER]
    for secret in secrets:
        assert stripe.WebhookSignature.verify_header(body, header, secret, tolerance=300)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(body + " ", header, secrets[0], tolerance=300)


@given(secret=TEXT_SECRETS, body=BODIES)
def test_timestamped_scheme_from_stripe(secret, body):
    """What Stripe's library signs, we accept, and not with another body."""
    header = stripe.WebhookSignature.generate_signature_header(body, secret)
    verify(CLEARWAY, {HEADER: header}, body.encode(), secret)
    with pytest.raises(VerificationError):
        verify(CLEARWAY, {HEADER: header}, body.encode() + b" ", secret)
