"""Making and deriving keys."""

import base64
import hashlib
import secrets
from collections.abc import Mapping

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hookwright.temporal import KEY_BYTES

CURSOR_KEY_BYTES = 32


def new_operator_key() -> str:
    """Return a fresh operator key. Its id is not secret: it tells keys apart."""
    return f"hwk_{secrets.token_hex(4)}_{secrets.token_hex(24)}"


def new_tenant_key() -> str:
    """Return a fresh key of a tenant's own, for development."""
    return f"sk_dev_{secrets.token_hex(24)}"


def new_jwt_key() -> str:
    """Return a fresh secret for tenant tokens, as `HOOKWRIGHT_JWT_KEY` takes it."""
    return secrets.token_urlsafe(32)


def new_encryption_key() -> str:
    """Return a fresh key as `HOOKWRIGHT_ENCRYPTION_KEYS` takes it."""
    return "k1:" + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def digest(key: str) -> str:
    """Return a key's digest as `HOOKWRIGHT_API_KEYS` and `HOOKWRIGHT_TENANT_KEYS` take it."""
    return hashlib.sha256(key.encode()).hexdigest()


def cursor_key(key_ring: Mapping[str, bytes]) -> bytes:
    """Return the key that signs cursors, the same in every API process.

    It changes with the encrypting key; a cursor from before is refused, and the page read again.
    """
    encrypting = next(iter(key_ring.values()))
    hkdf = HKDF(SHA256(), CURSOR_KEY_BYTES, salt=None, info=b"hookwright cursors")
    return hkdf.derive(encrypting)
