"""Keys of tenant tokens from settings and files: errors name the fault and show no key."""

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from support.jwts import PRIVATE_KEYS, claims, pem_of, private_pem_of, theirs, written

from hookwright.models import Tier
from runtime.errors import CommandError
from runtime.keys.jwt_keys import jwks_keys, pem_key
from runtime.settings import load_settings

SECRETS = ["a" * 32, "é" * 16]
TO_JWK = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


def jwk(algorithm, **more):
    """Return the provider's public key for an algorithm."""
    public = PRIVATE_KEYS[algorithm].public_key()
    return {**TO_JWK[algorithm].to_jwk(public, as_dict=True), **more}


def jwks(folder, *keys):
    return written(folder / "jwks.json", json.dumps({"keys": keys}).encode())


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """No `.env` file gets into a test."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("algorithm", PRIVATE_KEYS)
def test_pem(tmp_path, algorithm):
    """A public key in PEM is for the one algorithm of its kind."""
    key = pem_key(written(tmp_path / "key.pem", pem_of(PRIVATE_KEYS[algorithm])))
    assert key.algorithm_name == algorithm


UNFIT = {
    "short RSA": pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    "another curve": pem_of(ec.generate_private_key(ec.SECP384R1())),
    "bitcoin's curve": pem_of(ec.generate_private_key(ec.SECP256K1())),
    "DSA": pem_of(dsa.generate_private_key(1024)),
    "private": private_pem_of(PRIVATE_KEYS["ES256"]),
    "text": b"Secr3tValue",
    "empty": b"",
    "bytes": bytes(range(256)),
}


@pytest.mark.parametrize("name", UNFIT)
def test_unfit_pem(monkeypatch, tmp_path, name):
    """What is no public key that fits is refused at the start, and nothing of it is shown."""
    file = written(tmp_path / "key.pem", UNFIT[name])
    monkeypatch.setenv("HOOKWRIGHT_JWT_PUBLIC_KEY_FILE", str(file))
    with pytest.raises(CommandError) as caught:
        _ = load_settings().tokens
    message = str(caught.value)
    assert message.startswith("HOOKWRIGHT_JWT_PUBLIC_KEY_FILE: ")
    assert "Ed25519" in message
    assert "Secr3tValue" not in message


def test_jwks(monkeypatch, tmp_path):
    """Every key of a JWKS that fits verifies, with or without a `kid`; the rest is skipped."""
    p384 = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True)
    file = jwks(
        tmp_path,
        *(jwk(each, kid=f"key-{each}") for each in PRIVATE_KEYS),
        jwk("RS256", use="enc"),
        jwk("RS256", alg="RS512"),
        p384,
        {"kty": "unheard of"},
    )
    assert [key.algorithm_name for key in jwks_keys(file)] == list(PRIVATE_KEYS)
    monkeypatch.setenv("HOOKWRIGHT_JWT_JWKS_FILE", str(file))
    tokens = load_settings().tokens
    assert tokens.signing_key is None
    for algorithm in PRIVATE_KEYS:
        assert tokens.read(theirs(algorithm, kid=f"key-{algorithm}"))
        assert tokens.read(theirs(algorithm))


BAD_JWKS = {
    "text": b"Secr3tValue",
    "bytes": b"\xff",
    "list": b"[]",
    "no keys": b'{"keys": []}',
    "keys of another kind": b'{"keys": "Secr3tValue"}',
    "key of another kind": b'{"keys": ["Secr3tValue"]}',
    "null": b'{"keys": null}',
    "broken key": b'{"keys": [{"kty": "RSA", "n": 5, "e": "AQAB"}]}',
    "secret": b'{"keys": [{"kty": "oct", "k": "Secr3tValue"}]}',
    "private": json.dumps({"keys": [jwk("EdDSA", d="Secr3tValue")]}).encode(),
}


@pytest.mark.parametrize("name", BAD_JWKS)
def test_bad_jwks(monkeypatch, tmp_path, name):
    """A JWKS without a key that fits, or with a secret in it, is refused, and not shown."""
    file = written(tmp_path / "jwks.json", BAD_JWKS[name])
    monkeypatch.setenv("HOOKWRIGHT_JWT_JWKS_FILE", str(file))
    with pytest.raises(CommandError) as caught:
        _ = load_settings().tokens
    assert str(caught.value).startswith("HOOKWRIGHT_JWT_JWKS_FILE: ")
    assert "Secr3tValue" not in str(caught.value)


@pytest.mark.parametrize("name", ["PUBLIC_KEY", "JWKS"])
def test_missing_file(monkeypatch, tmp_path, name):
    """A missing file is an error at the start."""
    monkeypatch.setenv(f"HOOKWRIGHT_JWT_{name}_FILE", str(tmp_path / "none"))
    with pytest.raises(CommandError, match=f"HOOKWRIGHT_JWT_{name}_FILE: .*none cannot be read"):
        _ = load_settings().tokens


def test_secrets(monkeypatch):
    """The first secret signs, all of them verify, and no text shows any of them."""
    monkeypatch.setenv("HOOKWRIGHT_JWT_KEY", ", ".join(SECRETS))
    monkeypatch.setenv("HOOKWRIGHT_JWT_AUDIENCE", "")
    settings = load_settings()
    assert SECRETS[0] not in repr(settings)
    for secret in SECRETS:
        assert settings.tokens.read(jwt.encode(claims(), secret, "HS256"))
    minted = settings.tokens.mint("acme", [], 60, Tier.FREE).token
    assert jwt.decode(minted, SECRETS[0], ["HS256"])["sub"] == "acme"


@pytest.mark.parametrize("secret", ["Secr3tValue", "é" * 15, f"{'a' * 32},Secr3tValue"])
def test_short_secret(monkeypatch, secret):
    """A secret of fewer than 32 bytes is refused, and not shown."""
    monkeypatch.setenv("HOOKWRIGHT_JWT_KEY", secret)
    with pytest.raises(CommandError, match=r"HOOKWRIGHT_JWT_KEY: .*32 bytes") as caught:
        load_settings()
    assert secret not in str(caught.value)
    assert "Secr3tValue" not in str(caught.value)


def test_public_key_as_the_secret(monkeypatch):
    """A public key in the secret's place is refused: whoever has it could make tokens."""
    monkeypatch.setenv("HOOKWRIGHT_JWT_KEY", pem_of(PRIVATE_KEYS["RS256"]).decode())
    with pytest.raises(CommandError, match="HOOKWRIGHT_JWT_PUBLIC_KEY_FILE"):
        load_settings()
