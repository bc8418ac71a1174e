"""The keys that sign and verify tenant tokens. Each key is bound to one algorithm."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK, PyJWTError
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

PUBLIC_ALGORITHMS = ("RS256", "ES256", "EdDSA")
MIN_SECRET_BYTES = 32
"""RFC 7518, 3.2: a secret must be at least as long as the hash that HS256 uses."""

MAKE_ONE = "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
MIN_RSA_BITS = 2048
"""NIST SP 800-131A: shorter keys have been disallowed since 2014."""

SUPPORTED_KEYS = "an RSA key of 2048 bits or more, an EC key on P-256, or an Ed25519 key"


def secret_key(secret: str) -> PyJWK:
    """Return the HS256 key that is made of a secret.

    Raises:
        ValueError: The secret is too short, or is a public key, which is not secret.
    """
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"each secret must have at least {MIN_SECRET_BYTES} bytes; {MAKE_ONE}")
    encoded = base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")
    key = PyJWK({"kty": "oct", "k": encoded}, "HS256")
    try:
        key.Algorithm.prepare_key(key.key)
    except PyJWTError:
        raise ValueError(
            "a public key is not a secret; give its file as HOOKWRIGHT_JWT_PUBLIC_KEY_FILE"
        ) from None
    return key


def pem_key(file: Path) -> PyJWK:
    """Return the public key in a PEM file.

    Raises:
        ValueError: The file cannot be read, or holds no supported key. The text never repeats
            the file's content.
    """
    content = _read(file)
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"no public key in PEM: give {SUPPORTED_KEYS}") from None
    match key:
        case RSAPublicKey():
            jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
        case EllipticCurvePublicKey():
            jwk = ECAlgorithm.to_jwk(key, as_dict=True)
        case Ed25519PublicKey():
            jwk = OKPAlgorithm.to_jwk(key, as_dict=True)
        case _:
            jwk = {}
    if (supported_key := _supported_key(jwk)) is None:
        raise ValueError(f"not a supported key: give {SUPPORTED_KEYS}")
    return supported_key


def jwks_keys(file: Path) -> list[PyJWK]:
    """Return the supported keys of a JWKS file. Other keys in it belong to other services.

    Raises:
        ValueError: No key is supported, or one is private. The text never repeats a key.
    """
    try:
        jwks = json.loads(_read(file))["keys"]
        if any("d" in jwk or "k" in jwk for jwk in jwks):
            raise ValueError("it holds a private key or a secret; give the public keys only")
        keys = [key for jwk in jwks if (key := _supported_key(jwk))]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        raise ValueError('not a JWKS: give {"keys": [...]}') from None
    if not keys:
        raise ValueError(f"it holds no supported key: give {SUPPORTED_KEYS}")
    return keys


def _supported_key(jwk: Mapping[str, Any]) -> PyJWK | None:
    if jwk.get("use", "sig") != "sig":
        return None
    try:
        key = PyJWK(dict(jwk))
    except (PyJWTError, ValueError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < MIN_RSA_BITS:
        return None
    return key if key.algorithm_name in PUBLIC_ALGORITHMS else None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
