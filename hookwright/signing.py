"""Signatures. The bytes that are signed are the bytes that are sent."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HMAC_PREFIX = "whsec_"
PRIVATE_KEY_PREFIX = "whsk_"
PUBLIC_KEY_PREFIX = "whpk_"

MIN_KEY_BYTES, MAX_KEY_BYTES = 24, 64
"""Standard Webhooks: a symmetric key has 24 to 64 bytes."""

SEED_BYTES = 32


def generate_secret(like: str = HMAC_PREFIX) -> str:
    """Return a fresh secret of the same kind as `like`: a `whsec_` key, or a `whsk_` private key.

    A private key is written as libsodium and Svix do: 32 bytes of seed, then the public key.
    """
    seed = secrets.token_bytes(SEED_BYTES)
    if not like.startswith(PRIVATE_KEY_PREFIX):
        return HMAC_PREFIX + base64.b64encode(seed).decode()
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return PRIVATE_KEY_PREFIX + base64.b64encode(seed + public).decode()


def check_secret(secret: str) -> str:
    """Return the secret if it can sign.

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


def public_key(secret: str) -> str | None:
    """Return the `whpk_` key that verifies what a `whsk_` key signs; None for an HMAC secret."""
    if not secret.startswith(PRIVATE_KEY_PREFIX):
        return None
    public = _private_key(secret).public_key().public_bytes_raw()
    return PUBLIC_KEY_PREFIX + base64.b64encode(public).decode()


def sign_standard(live_secrets: Iterable[str], event_id: str, timestamp: int, body: bytes) -> str:
    """Return a Standard Webhooks signature header: one signature for each live secret.

    `v1` is HMAC-SHA256, `v1a` is ed25519, both over `id.timestamp.body` and in base64
    (Standard Webhooks 1.0, "Signature scheme").
    """
    signed = f"{event_id}.{timestamp}.".encode() + body
    return " ".join(_signature(secret, signed) for secret in live_secrets)


def _signature(secret: str, signed: bytes) -> str:
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
    try:
        return base64.b64decode(secret.split("_", 1)[1], validate=True)
    except binascii.Error:
        raise ValueError("what follows the prefix must be base64") from None
