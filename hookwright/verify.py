"""Signature checks for receivers: was this webhook signed by someone who knows the secret?

    verify("standard", request.headers, raw_body, os.environ["WEBHOOK_SECRET"])

The code depends on schemes and encodings, never on the name of a contract. docs/contracts.md
explains how to use it.
"""

import base64
import binascii
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import InvalidSignature

from hookwright.contracts import Contract, Contracts, SignatureRule, load_contracts
from hookwright.webhook import (
    PUBLIC_KEY_PREFIX,
    Signable,
    check_secret,
    public_key,
    read_template,
    sign,
    standard_content,
    template_digest,
    template_key,
    verifying_key,
)

TOLERANCE_SECONDS = 300.0
UNIX_TIME = re.compile(r"0|[1-9][0-9]{0,11}")


class VerificationError(Exception):
    """The webhook is not genuine: answer 401. The text says why, without any secret."""


def verify(  # noqa: PLR0913 - the defaults of the last three suit almost every caller
    contract: str | Contract,
    headers: Mapping[str, str],
    body: bytes,
    secret: str | Sequence[str],
    *,
    tolerance_seconds: float = TOLERANCE_SECONDS,
    now: float | None = None,
    url: str | None = None,
) -> None:
    """Return if the webhook is genuine, else raise. Hostile input raises VerificationError only.

    `contract` is the name of a contract that ships, or one read by `load_contract`. `body` is the
    raw body as it arrived; parse it afterwards. Of several secrets, one that matches is enough:
    give the old and the new one during a rotation. A signed timestamp must be within the tolerance
    of `now` (unix seconds; by default the current time). A contract that signs only the body has
    no timestamp, so an old webhook verifies as well: drop ids that you have seen before. `url` is
    needed if the contract signs it: the URL of the endpoint, exactly as it was registered.

    Raises:
        VerificationError: the webhook is not genuine, or does not follow the contract.
        ValueError: the call is wrong: the contract does not exist, the secret is malformed, or the
            contract signs the URL and none is given. The text never repeats the secret.
        TypeError: the call is wrong: the body is not bytes.
    """
    chosen = contract if isinstance(contract, Contract) else _shipped(contract)
    keys = _keys(chosen.signature, secret)
    if not isinstance(body, bytes):
        raise TypeError("give the body as the bytes that arrived, neither parsed nor decoded")
    if url is None and chosen.signature.signs("url"):
        raise ValueError(f"contract {chosen.name} signs the URL; give it as `url`")
    claim = _claim(chosen, headers)
    if claim.timestamp is not None:
        _check_age(claim.timestamp, time.time() if now is None else now, tolerance_seconds)
    if not any(claim.holds(chosen.signature, key, body, url or "") for key in keys):
        raise VerificationError(
            "the signature does not match this secret and body; is it this endpoint's secret, and"
            " the body as it arrived?"
        )


def check_secrets(contract: Contract, secret: str | Sequence[str]) -> None:
    """Return if `verify` can use the secret, or each of several, under this contract.

    Raises:
        ValueError: a secret is malformed, or there is none. The text never repeats it.
    """
    _keys(contract.signature, secret)


@dataclass(frozen=True)
class _Claim:
    """What the headers claim. Each signature has the form that `sign` gives for one secret."""

    signatures: Sequence[str]
    timestamp: int | None = None
    event_id: str = ""

    def holds(self, rule: SignatureRule, key: str, body: bytes, url: str) -> bool:
        """Return whether one of the signatures was made with this key."""
        timestamp = self.timestamp or 0
        signable = Signable(self.event_id, timestamp, body, url)
        if rule.scheme == "standard" and key.startswith(PUBLIC_KEY_PREFIX):
            signed = standard_content(self.event_id, timestamp, body)
            return any(_verifies(key, signature, signed) for signature in self.signatures)
        if rule.scheme == "template":
            expected = template_digest(rule, key, signable).encode()
        else:
            expected = sign(rule, [key], signable).encode()
        return any(
            hmac.compare_digest(signature.encode(), expected) for signature in self.signatures
        )


def _claim(contract: Contract, headers: Mapping[str, str]) -> _Claim:
    signature = _header(headers, contract.signature.header)
    match contract.signature.scheme:
        case "standard":
            event_id = _header(headers, contract.header_with("event_id"))
            timestamp = _unix_time(_header(headers, contract.header_with("unix_time")))
            return _Claim(signature.split(), timestamp, event_id)
        case "timestamped":
            return _timestamped(signature)
        case "body":
            return _Claim([signature])
        case "template":
            return _template(contract, signature, headers)


def _template(contract: Contract, signature: str, headers: Mapping[str, str]) -> _Claim:
    """Read the header of a template. A timestamp that is not signed proves nothing: no claim."""
    rule = contract.signature
    found = read_template(rule, signature)
    if found is None:
        raise VerificationError(f"the signature header has not the form {rule.value}")
    signatures, timestamp = found
    if not rule.signs("timestamp"):
        timestamp = None
    elif timestamp is None:
        timestamp = _unix_time(_header(headers, contract.header_with("unix_time")))
    event_id = _header(headers, contract.header_with("event_id")) if rule.signs("id") else ""
    return _Claim(signatures, timestamp, event_id)


def _timestamped(signature: str) -> _Claim:
    """Read `t=<unix>,v1=<hmac>,v1=<hmac>`. Parts with other names belong to other schemes."""
    parts = [part.strip().partition("=") for part in signature.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1:
        raise VerificationError("the signature header must have one timestamp: t=...,v1=...")
    timestamp = _unix_time(times[0])
    return _Claim(
        [f"t={timestamp},v1={value}" for name, _, value in parts if name == "v1"], timestamp
    )


def _header(headers: Mapping[str, str], name: str) -> str:
    values = [value for key, value in headers.items() if str(key).lower() == name.lower()]
    if not values or values == [""]:
        raise VerificationError(f"the header {name} is missing or empty")
    if len(values) > 1:
        raise VerificationError(f"the header {name} is given more than once")
    if not isinstance(values[0], str) or not values[0].isascii():
        raise VerificationError(f"the header {name} is not ASCII text")
    return values[0]


def _unix_time(text: str) -> int:
    if not UNIX_TIME.fullmatch(text):
        raise VerificationError("the timestamp is not a unix time in whole seconds")
    return int(text)


def _check_age(timestamp: int, now: float, tolerance_seconds: float) -> None:
    age = now - timestamp
    if abs(age) > tolerance_seconds:
        raise VerificationError(
            f"the timestamp is {abs(age):.0f} s {'old' if age > 0 else 'in the future'}, and"
            f" {tolerance_seconds:g} s are tolerated; is a clock wrong?"
        )


def _verifies(key: str, signature: str, signed: bytes) -> bool:
    version, _, encoded = signature.partition(",")
    if version != "v1a":
        return False
    try:
        verifying_key(key).verify(base64.b64decode(encoded, validate=True), signed)
    except (binascii.Error, InvalidSignature):
        return False
    return True


def _keys(rule: SignatureRule, secret: str | Sequence[str]) -> list[str]:
    secrets = [secret] if isinstance(secret, str) else list(secret or ())
    if not secrets or not all(isinstance(each, str) and each for each in secrets):
        raise ValueError("give at least one secret, as text; is it set?")
    if rule.scheme == "template":
        for each in secrets:
            template_key(rule, each)
        return secrets
    check = _standard_key if rule.scheme == "standard" else _text_key
    return [check(each) for each in secrets]


def _standard_key(secret: str) -> str:
    """Return the `whsec_` or `whpk_` key that verifies signatures of this secret."""
    if secret.startswith(PUBLIC_KEY_PREFIX):
        verifying_key(secret)
        return secret
    return public_key(check_secret(secret)) or secret


def _text_key(secret: str) -> str:
    if not (secret.isascii() and secret.isprintable()):
        raise ValueError("a secret has printable ASCII characters only; does a line end follow it?")
    return secret


def _shipped(name: str) -> Contract:
    contracts = _contracts()
    if name not in contracts:
        known = ", ".join(contracts)
        raise ValueError(f"no contract {name} ships; there are: {known}; load yours from its file")
    return contracts[name]


@cache
def _contracts() -> Contracts:
    return load_contracts()
