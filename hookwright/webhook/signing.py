"""Signatures. The bytes that are signed are the bytes that are sent."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from hookwright.contracts import Contract, SignatureRule
from hookwright.webhook.template_signature import (
    Signable,
    new_template_secret,
    sign_template,
    template_key,
)

HMAC_PREFIX = "whsec_"
PRIVATE_KEY_PREFIX = "whsk_"
PUBLIC_KEY_PREFIX = "whpk_"

MIN_KEY_BYTES, MAX_KEY_BYTES = 24, 64
"""The size of a symmetric key in Standard Webhooks."""

SEED_BYTES = 32


def generate_secret(like: str = HMAC_PREFIX) -> str:
    """Return a new secret of the same kind as `like`: a `whsec_` key, or a `whsk_` private key.

    A private key has the form that libsodium and Svix use: 32 bytes of seed, then the public key.
    """
    seed = secrets.token_bytes(SEED_BYTES)
    if not like.startswith(PRIVATE_KEY_PREFIX):
        return HMAC_PREFIX + base64.b64encode(seed).decode()
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return PRIVATE_KEY_PREFIX + base64.b64encode(seed + public).decode()


def new_secret(contract: Contract, like: str = HMAC_PREFIX) -> str:
    """Return a new secret that the contract can sign with, of the same kind as `like`."""
    if contract.signature.scheme == "template":
        return new_template_secret(contract.signature)
    return generate_secret(like)


def secret_for(contract: Contract, given: str | None) -> str:
    """Return the secret of a new endpoint: the given one if it is valid, or a new one.

    Raises:
        ValueError: the contract requires a given secret, refuses one, or refuses this one. The
            text never repeats the secret.
    """
    rule = contract.secret
    if given is None:
        if rule.given == "required":
            raise ValueError(f"contract {contract.name} requires a given secret; send one")
        return new_secret(contract)
    if rule.given == "refused":
        raise ValueError(f"contract {contract.name} generates the secret; send none")
    if contract.signature.scheme == "standard":
        return check_secret(given)
    if not rule.min_length <= len(given) <= rule.max_length:
        raise ValueError(f"a secret has {rule.min_length} to {rule.max_length} characters")
    if not (given.isascii() and given.isprintable()):
        raise ValueError("a secret has printable ASCII characters only")
    if contract.signature.scheme == "template":
        template_key(contract.signature, given)
    return given


def next_secret(contract: Contract, current: str, given: str | None) -> str:
    """Return the secret that replaces the current one: the given one, or one of the same kind.

    Raises:
        ValueError: the contract refuses the given one. The text never repeats the secret.
    """
    return new_secret(contract, current) if given is None else secret_for(contract, given)


def check_secret(secret: str) -> str:
    """Return the secret if it can sign under Standard Webhooks.

    Raises:
        ValueError: it is neither `whsec_` with 24 to 64 bytes in base64 nor `whsk_` with an
            ed25519 key. The text never repeats the secret.
    """
    if secret.startswith(PRIVATE_KEY_PREFIX):
        _private_key(secret)
    elif secret.startswith(HMAC_PREFIX):
        if not MIN_KEY_BYTES <= len(_key_bytes(secret)) <= MAX_KEY_BYTES:
            raise ValueError(f"a whsec_ key has {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes")
    else:
        raise ValueError("a secret begins with whsec_ (HMAC) or whsk_ (ed25519)")
    return secret


def verifying_key(public: str) -> Ed25519PublicKey:
    """Return the key in a `whpk_` text.

    Raises:
        ValueError: the text holds no valid key.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(_key_bytes(public))
    except ValueError:
        raise ValueError("a whpk_ key is 32 bytes in base64") from None


def public_key(secret: str) -> str | None:
    """Return the `whpk_` key that verifies signatures of a `whsk_` key; None for an HMAC secret.

    A contract may sign with a text that only looks like a `whsk_` key. The result is None then.
    """
    if not secret.startswith(PRIVATE_KEY_PREFIX):
        return None
    try:
        public = _private_key(secret).public_key().public_bytes_raw()
    except ValueError:
        return None
    return PUBLIC_KEY_PREFIX + base64.b64encode(public).decode()


def sign(rule: SignatureRule, live_secrets: Sequence[str], signable: Signable) -> str:
    """Return the value of the signature header. All live secrets sign, the current one first.

    The scheme `body` and some templates have room for one signature: the first secret makes it.

    Raises:
        ValueError: a secret cannot sign under this rule. The text never repeats the secret.
    """
    match rule.scheme:
        case "standard":
            return sign_standard(live_secrets, signable.event_id, signable.timestamp, signable.body)
        case "timestamped":
            signed = f"{signable.timestamp}.".encode() + signable.body
            digests = [_digest(rule, secret.encode(), signed) for secret in live_secrets]
            return ",".join([f"t={signable.timestamp}", *(f"v1={digest}" for digest in digests)])
        case "body":
            return rule.prefix + _digest(rule, live_secrets[0].encode(), signable.body)
        case "template":
            return sign_template(rule, live_secrets, signable)


def sign_standard(live_secrets: Iterable[str], event_id: str, timestamp: int, body: bytes) -> str:
    """Return a Standard Webhooks signature header: one signature for each live secret.

    `v1` is HMAC-SHA256, `v1a` is ed25519, both over `id.timestamp.body` and in base64
    (Standard Webhooks 1.0, "Signature scheme").
    """
    signed = standard_content(event_id, timestamp, body)
    return " ".join(_standard_signature(secret, signed) for secret in live_secrets)


def standard_content(event_id: str, timestamp: int, body: bytes) -> bytes:
    """Return the bytes that Standard Webhooks signs."""
    return f"{event_id}.{timestamp}.".encode() + body


def _digest(rule: SignatureRule, key: bytes, signed: bytes) -> str:
    digest = hmac.digest(key, signed, hashlib.sha256)
    return digest.hex() if rule.encoding == "hex" else base64.b64encode(digest).decode()


def _standard_signature(secret: str, signed: bytes) -> str:
    if secret.startswith(PRIVATE_KEY_PREFIX):
        return "v1a," + base64.b64encode(_private_key(secret).sign(signed)).decode()
    digest = hmac.digest(_key_bytes(secret), signed, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def _private_key(secret: str) -> Ed25519PrivateKey:
    key = _key_bytes(secret)
    seed, public = key[:SEED_BYTES], key[SEED_BYTES:]
    if len(seed) != SEED_BYTES:
        raise ValueError("a whsk_ key has 32 bytes (a seed) or 64 (the seed and its public key)")
    private = Ed25519PrivateKey.from_private_bytes(seed)
    if public not in (b"", private.public_key().public_bytes_raw()):
        raise ValueError("the public half of this whsk_ key does not belong to its seed")
    return private


def _key_bytes(secret: str) -> bytes:
    # Python's error for non-ASCII text would repeat the secret. "?" replaces such characters and is
    # not base64, so the text is refused below.
    encoded = secret.split("_", 1)[1].encode("ascii", "replace")
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError("what follows the prefix must be base64") from None
