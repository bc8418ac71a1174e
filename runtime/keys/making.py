"""Functions that generate and derive keys."""

import base64
import hashlib
import secrets
from collections.abc import Mapping

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hookwright.temporal import KEY_BYTES

DERIVED_KEY_BYTES = 32
FINGERPRINT_BYTES = 8


def new_operator_key() -> str:
    """Return a new operator key. Its id is not secret: it only distinguishes keys."""
    return f"hwk_{secrets.token_hex(4)}_{secrets.token_hex(24)}"


def new_tenant_key() -> str:
    """Return a new tenant key, for development."""
    return f"sk_dev_{secrets.token_hex(24)}"


def new_jwt_key() -> str:
    """Return a new secret that signs tenant tokens, in the form of `HOOKWRIGHT_JWT_KEY`."""
    return secrets.token_urlsafe(32)


def new_encryption_key() -> str:
    """Return a new encryption key, in the form of `HOOKWRIGHT_ENCRYPTION_KEYS`.

    Its id is random, so that no two keys have the same one.
    """
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return f"k{secrets.token_hex(4)}:{key}"


def digest(key: str) -> str:
    """Return a key's digest for `HOOKWRIGHT_API_KEYS` and `HOOKWRIGHT_TENANT_KEYS`."""
    return hashlib.sha256(key.encode()).hexdigest()


def cursor_key(key_ring: Mapping[str, bytes]) -> bytes:
    """Return the key that signs cursors. It is the same in every API process.

    It is derived from the encrypting key. When that key changes, older cursors are refused, and
    clients must read the list from its beginning.
    """
    return _derived(key_ring, b"hookwright cursors")


def portal_key(key_ring: Mapping[str, bytes]) -> bytes:
    """Return the key that signs the portal's links and sessions, the same in every API process.

    It is derived as the key of cursors is. When the encrypting key changes, people sign in again.
    """
    return _derived(key_ring, b"hookwright portal")


def fingerprints(key_ring: Mapping[str, bytes]) -> dict[str, str]:
    """Return what tells each key from another one of the same id, and does not tell the key."""
    purpose = b"hookwright fingerprint"
    return {
        key_id: HKDF(SHA256(), FINGERPRINT_BYTES, salt=None, info=purpose).derive(key).hex()
        for key_id, key in key_ring.items()
    }


def _derived(key_ring: Mapping[str, bytes], purpose: bytes) -> bytes:
    encrypting_key = next(iter(key_ring.values()))
    return HKDF(SHA256(), DERIVED_KEY_BYTES, salt=None, info=purpose).derive(encrypting_key)
