"""The signature scheme `template`: every hash, encoding and form of key, and hostile headers."""

import base64
import hashlib
import hmac
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paths import REPOSITORY
from support.webhooks import signed_headers

from hookwright.contracts import Contract, SignatureRule, load_contract
from hookwright.models import EventInput
from hookwright.verify import VerificationError, verify
from hookwright.webhook import encode_body, new_secret, secret_for

SLACK = load_contract(REPOSITORY / "docs/contracts/slack.toml")
STRIPE = load_contract(REPOSITORY / "docs/contracts/stripe.toml")
TWILIO = load_contract(REPOSITORY / "docs/contracts/twilio-like.toml")
NOW = 1_700_000_000
BODY = b'{"a": "\xc3\xab"}'
KEYS = {"text": b"0123456789abcdef", "base64": bytes(range(24)), "hex": bytes(range(20))}


def with_rule(**parts: object) -> Contract:
    """Return a contract that signs the event's id, the time and the body by these parts."""
    rule = {
        "scheme": "template",
        "header": "X-Signature",
        "encoding": "hex",
        "signed": "{id}\n{timestamp}\n{body}",
        "value": "a={signature};t={timestamp}",
        **parts,
    }
    return SLACK.model_copy(
        update={
            "headers": {"X-Id": "{event_id}"},
            "signature": SignatureRule.model_validate(rule),
        }
    )


def accepted(contract: Contract, headers: dict[str, str], secret: str, body: bytes = BODY) -> bool:
    try:
        verify(contract, headers, body, secret, now=NOW, url="https://example.com/hooks")
    except VerificationError:
        return False
    return True


@pytest.mark.parametrize("hashed", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64", "base64url"])
@pytest.mark.parametrize("key", ["text", "base64", "hex"])
@pytest.mark.parametrize("prefix", ["", "sk_"])
def test_against_the_formula(hashed, encoding, key, prefix):
    """Each combination signs as RFC 2104 and RFC 4648 have it, and verifies."""
    contract = with_rule(hash=hashed, encoding=encoding, key=key, key_prefix=prefix)
    written = {"text": bytes.decode, "base64": base64.b64encode, "hex": bytes.hex}[key](KEYS[key])
    secret = prefix + (written if isinstance(written, str) else written.decode())
    headers = signed_headers(contract, [secret], BODY, now=NOW)
    signed = f"evt_1\n{NOW}\n".encode() + BODY
    digest = hmac.new(KEYS[key], signed, getattr(hashlib, hashed)).digest()
    text = {
        "hex": digest.hex(),
        "base64": base64.b64encode(digest).decode(),
        "base64url": base64.urlsafe_b64encode(digest).decode().rstrip("="),
    }[encoding]
    assert headers == {"X-Id": "evt_1", "X-Signature": f"a={text};t={NOW}"}
    assert accepted(contract, headers, secret)
    assert not accepted(contract, headers, secret, BODY + b" ")
    assert not accepted(contract, {**headers, "X-Id": "evt_2"}, secret)


@pytest.mark.parametrize("key", ["text", "base64", "hex"])
@pytest.mark.parametrize("prefix", ["", "sk_"])
def test_new_secrets(key, prefix):
    """A secret that is made for a template has its form, and is another one each time."""
    contract = with_rule(key=key, key_prefix=prefix)
    secrets = {new_secret(contract) for _ in range(5)}
    assert len(secrets) == 5
    optional = contract.model_copy(update={"secret": TWILIO.secret})
    assert all(secret_for(optional, secret) == secret for secret in secrets)


@pytest.mark.parametrize(
    ("key", "secret", "reason"),
    [
        ("hex", "sk_" + "0g" * 16, "must be hex"),
        ("hex", "sk_" + "0" * 31, "must be hex"),
        ("base64", "sk_" + "a" * 17, "must be base64"),
        ("text", "a" * 32, "begins with sk_"),
        ("text", "sk_aaaaaaaaaaaaaaaaé", "printable ASCII"),
    ],
)
def test_secrets_of_another_form(key, secret, reason):
    """A given secret that is no key of the template is refused, and never repeated."""
    contract = with_rule(key=key, key_prefix="sk_").model_copy(update={"secret": TWILIO.secret})
    with pytest.raises(ValueError, match=reason) as caught:
        secret_for(contract, secret)
    assert secret not in str(caught.value)
    with pytest.raises(ValueError, match="secret") as caught:
        verify(contract, {}, BODY, secret)
    assert secret not in str(caught.value)


def test_rotation():
    """With `repeat` all live secrets sign, and without it the first one alone."""
    old, new = "o" * 16, "n" * 16
    both = signed_headers(STRIPE, [new, old], BODY, now=NOW)
    assert both["Stripe-Signature"].count("v1=") == 2
    assert accepted(STRIPE, both, old)
    assert accepted(STRIPE, both, new)
    one = signed_headers(SLACK, [new, old], BODY, now=NOW)
    assert accepted(SLACK, one, new)
    assert not accepted(SLACK, one, old)


@given(value=st.text(st.characters(min_codepoint=0, max_codepoint=300), max_size=200))
def test_hostile_headers(value):
    """Whatever stands in the signature's header, the answer is a refusal and nothing else."""
    for contract in (SLACK, STRIPE, TWILIO):
        headers = {contract.signature.header: value, "X-Slack-Request-Timestamp": str(NOW)}
        assert not accepted(contract, headers, "0123456789abcdef")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&&&=%%%", b"a=%ff&a=%C3", b"=" * 10_000])
def test_hostile_forms(body):
    """A body that is no form is refused like a wrong signature."""
    headers = {"X-Twilio-Signature": "A" * 27 + "="}
    assert not accepted(TWILIO, headers, "0123456789abcdef", body)


@pytest.mark.parametrize("count", [1, 1_000, 20_000])
def test_long_headers(count):
    """A header with very many signatures is read to its end, or refused, in linear time."""
    value = f"t={NOW}" + ",v1=" + "0" * 64 + (",v1=" + "0" * 64) * count
    began = time.process_time()
    assert not accepted(STRIPE, {"Stripe-Signature": value + "!"}, "s" * 16)
    assert time.process_time() - began < 1


def test_old_timestamps():
    """A time that is signed must be recent, wherever it stands."""
    for contract in (SLACK, STRIPE):
        headers = signed_headers(contract, ["s" * 16], BODY, now=NOW - 301)
        with pytest.raises(VerificationError, match="old"):
            verify(contract, headers, BODY, "s" * 16, now=NOW)


def test_the_url_must_be_given():
    """A contract that signs the URL cannot be verified without it: the call is wrong."""
    headers = signed_headers(TWILIO, ["s" * 16], b"a=b", now=NOW)
    with pytest.raises(ValueError, match="signs the URL"):
        verify(TWILIO, headers, b"a=b", "s" * 16, now=NOW)


def test_headers():
    """Each source has its value in a header, and is left out if its extra field is missing."""
    sources = {
        "X-Type": "{event_type}", "X-App": "application-{tenant_id}", "X-Attempt": "attempt",
        "X-Time": "time", "X-Event-Time": "{event_time}/{event_unix_time}", "X-Unix": "unix_time",
        "X-Ids": "{event_id} {delivery_id}", "X-Uuid": "delivery_uuid", "X-Team": "extra.team_id",
        "X-Braces": "<{extra.team_id}>",
    }  # fmt: skip
    contract = SLACK.model_copy(update={"headers": sources, "constant_headers": {"X-C": "{c}"}})
    event = EventInput(
        tenant_id="acme", id="evt_1", type="a/b", data={}, extra={"team_id": "{event_id}"}
    )
    headers = signed_headers(contract, ["s" * 16], BODY, now=NOW, event=event)
    del headers["X-Slack-Signature"]
    assert headers == {
        "X-C": "{c}", "X-Type": "a/b", "X-App": "application-acme", "X-Attempt": "1",
        "X-Time": "2023-11-14T22:13:20Z", "X-Event-Time": f"2023-11-14T22:13:20Z/{NOW}",
        "X-Unix": str(NOW), "X-Ids": "evt_1 ep_1:evt_1",
        "X-Uuid": "19c4228e-f4b8-513a-893b-405b041d743f", "X-Team": "{event_id}",
        "X-Braces": "<{event_id}>",
    }  # fmt: skip
    without = signed_headers(contract, ["s" * 16], BODY, now=NOW)
    assert {"X-Team", "X-Braces"}.isdisjoint(without)


@pytest.mark.parametrize("text", ["a\r\nX: y", "é"])
def test_headers_that_cannot_be_sent(text):
    """An event that reached us without the API's checks cannot inject a header."""
    contract = SLACK.model_copy(update={"headers": {"X-Team": "extra.team_id"}})
    event = EventInput(tenant_id="a", id="e", type="a", data={}, extra={"team_id": text})
    with pytest.raises(ValueError, match="X-Team has characters"):
        signed_headers(contract, ["s" * 16], BODY, now=NOW, event=event)


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ({"a": "b c", "n": 1, "t": True, "none": None}, b"a=b+c&n=1&t=true"),
        ({"o": {"x": [1, "ë"]}}, b"o=%7B%22x%22%3A%5B1%2C%22%C3%AB%22%5D%7D"),
        ({}, b""),
    ],
)
def test_forms(value, body):
    """Fields of a form are text as it is, and anything else as JSON; null is left out."""
    assert encode_body(TWILIO, value) == body


@pytest.mark.parametrize("value", [None, "a", [1], 3, {"a": "\ud800"}, {"a": float("nan")}])
def test_what_is_no_form(value):
    """A body that is no object, or holds what cannot be written, fails as a template does."""
    with pytest.raises(ValueError, match=r"form must be|not JSON|JSON compliant|Out of range"):
        encode_body(TWILIO, value)
