"""The signature scheme `template`: a contract's own text is signed, and its own text is sent."""

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from hookwright.contracts import PLACEHOLDER, SignatureRule, fill, fill_bytes

KEY_BYTES = 32
DIGEST_BYTES = {"sha1": 20, "sha256": 32, "sha512": 64}
ALPHABETS = {"hex": "[0-9a-f]", "base64": "[A-Za-z0-9+/=]", "base64url": "[A-Za-z0-9_-]"}
UNIX_TIME = "(?P<timestamp>0|[1-9][0-9]{0,11})"


@dataclass(frozen=True)
class Signable:
    """What a signature can cover: the event's id, the time in unix seconds, the body, the URL."""

    event_id: str
    timestamp: int
    body: bytes
    url: str = ""


def sign_template(rule: SignatureRule, live_secrets: Sequence[str], signable: Signable) -> str:
    """Return the value of the signature header; without `repeat` the first secret signs alone.

    Raises:
        ValueError: a secret is not a key of this rule. The text never repeats the secret.
    """
    count = len(live_secrets) if rule.repeat else 1
    first, *others = (template_digest(rule, each, signable) for each in live_secrets[:count])
    value = fill(rule.value, {"signature": first, "timestamp": str(signable.timestamp)})
    return value + "".join(fill(rule.repeat, {"signature": other}) for other in others)


def template_digest(rule: SignatureRule, secret: str, signable: Signable) -> str:
    """Return one signature, without the text around it.

    Raises:
        ValueError: the secret is not a key of this rule. The text never repeats the secret.
    """
    digest = hmac.digest(template_key(rule, secret), _signed(rule, signable), rule.hash)
    return _encoded(rule, digest)


def read_template(rule: SignatureRule, value: str) -> tuple[list[str], int | None] | None:
    """Return the signatures in a header and its timestamp, if it has one; None for another form.

    A signature has a fixed length, so that hostile text is read in linear time.
    """
    first = re.match(_pattern(rule, rule.value), value)
    if first is None:
        return None
    signatures, end = [first["signature"]], first.end()
    repeated = re.compile(_pattern(rule, rule.repeat))
    while end < len(value):
        further = repeated.match(value, end) if rule.repeat else None
        if further is None:
            return None
        signatures.append(further["signature"])
        end = further.end()
    timestamp = first.groupdict().get("timestamp")
    return signatures, None if timestamp is None else int(timestamp)


def template_key(rule: SignatureRule, secret: str) -> bytes:
    """Return the key in a secret.

    Raises:
        ValueError: the secret has not the form that the rule says. The text never repeats it.
    """
    if not secret.startswith(rule.key_prefix):
        raise ValueError(f"a secret begins with {rule.key_prefix}")
    text = secret.removeprefix(rule.key_prefix)
    if not (text.isascii() and text.isprintable()):
        raise ValueError("a secret has printable ASCII characters only; does a line end follow it?")
    try:
        key = _decoded(rule, text)
    except (binascii.Error, ValueError):
        raise ValueError(f"the secret, less its prefix, must be {rule.key}") from None
    if not key:
        raise ValueError("a secret may not be empty")
    return key


def new_template_secret(rule: SignatureRule) -> str:
    """Return a new secret in the form of the rule. A key that is text has hexadecimal digits."""
    key = secrets.token_bytes(KEY_BYTES)
    return rule.key_prefix + (base64.b64encode(key).decode() if rule.key == "base64" else key.hex())


def _signed(rule: SignatureRule, signable: Signable) -> bytes:
    values = {
        "id": signable.event_id.encode(),
        "timestamp": str(signable.timestamp).encode(),
        "body": signable.body,
        "url": signable.url.encode(),
    }
    if rule.signs("form"):
        values["form"] = _sorted_fields(signable.body)
    return fill_bytes(rule.signed, values)


def _sorted_fields(body: bytes) -> bytes:
    """Return the fields of a form by name, each name before its value, without separators."""
    fields = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    return "".join(name + value for name, value in sorted({*fields})).encode()


def _encoded(rule: SignatureRule, digest: bytes) -> str:
    match rule.encoding:
        case "hex":
            return digest.hex()
        case "base64":
            return base64.b64encode(digest).decode()
        case "base64url":
            return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _decoded(rule: SignatureRule, text: str) -> bytes:
    match rule.key:
        case "text":
            return text.encode()
        case "base64":
            return base64.b64decode(text, validate=True)
        case "hex":
            return binascii.unhexlify(text)


def _pattern(rule: SignatureRule, template: str) -> str:
    length = len(_encoded(rule, bytes(DIGEST_BYTES[rule.hash])))
    names = {
        "signature": f"(?P<signature>{ALPHABETS[rule.encoding]}{{{length}}})",
        "timestamp": UNIX_TIME,
    }
    parts = PLACEHOLDER.split(template)
    return "".join(
        names[part] if index % 2 else re.escape(part) for index, part in enumerate(parts)
    )
