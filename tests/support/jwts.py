"""Tokens as a provider makes them, good and bad."""

import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from api.tokens import ALL_SCOPES, Scope
from hookwright.models import Tier
from support.stack import JWT_SECRET, TOKENS

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

PRIVATE_KEYS: dict[str, PrivateKey] = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good token, with changes; None leaves a claim out."""
    now = int(time.time())
    good = {"sub": "acme", "scope": "endpoints:read", "iat": now, "exp": now + 600}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def ours(**changes: Any) -> str:
    """Return a token under the tests' secret."""
    return jwt.encode(claims(**changes), JWT_SECRET, "HS256")


def theirs(algorithm: str, kid: str | None = None, **changes: Any) -> str:
    """Return a token under the provider's private key for an algorithm."""
    headers = {"kid": kid} if kid else None
    return jwt.encode(claims(**changes), PRIVATE_KEYS[algorithm], algorithm, headers)


def pem_of(private_key: PrivateKey) -> bytes:
    """Return the public key in PEM."""
    return private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_pem_of(private_key: PrivateKey) -> bytes:
    """Return the private key in PEM."""
    return private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def written(file: Path, content: bytes) -> Path:
    """Write a file, and return it."""
    file.write_bytes(content)
    return file


def bearer(
    tenant: str, *scopes: Scope, tier: Tier = Tier.ENTERPRISE, seconds: int = 600
) -> dict[str, str]:
    """Return the header with a token as the API makes it; without scopes it has all."""
    minted = TOKENS.mint(tenant, scopes or sorted(ALL_SCOPES), seconds, tier)
    assert minted is not None  # None is for an API without a secret of its own
    return {"authorization": f"Bearer {minted.token}"}
