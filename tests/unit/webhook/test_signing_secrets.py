"""Secrets: what is accepted, what is refused, and that a refusal never repeats one."""

import base64
import secrets as random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st
from support.strategies import HMAC_SECRETS

from hookwright.webhook import check_secret, generate_secret, public_key
from hookwright.webhook.signing import sign_standard

SEED = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()


def written(prefix: str, key: bytes) -> str:
    return prefix + base64.b64encode(key).decode()


@given(secret=HMAC_SECRETS)
def test_hmac_keys_of_24_to_64_bytes(secret):
    """A whsec_ key of 24 to 64 bytes is accepted unchanged, and has no public key."""
    assert check_secret(secret) == secret
    assert public_key(secret) is None


@pytest.mark.parametrize("size", [0, 1, 23, 65, 256])
def test_hmac_keys_of_other_sizes(size):
    """A whsec_ key that is too short or too long is refused, and the text says the sizes."""
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        check_secret(written("whsec_", bytes(size)))


@pytest.mark.parametrize("key", [SEED, SEED + PUBLIC], ids=["seed", "seed and public key"])
def test_ed25519_keys_in_both_forms(key):
    """A whsk_ key of 32 or 64 bytes is accepted, and both sign the same with the same whpk_ key."""
    secret = written("whsk_", key)
    assert check_secret(secret) == secret
    assert public_key(secret) == written("whpk_", PUBLIC)
    assert sign_standard([secret], "evt_1", 1, b"x") == sign_standard(
        [written("whsk_", SEED)], "evt_1", 1, b"x"
    )


def test_foreign_public_half():
    """A whsk_ key whose public half is not its seed's is refused."""
    with pytest.raises(ValueError, match="does not belong to its seed"):
        check_secret(written("whsk_", SEED + bytes(32)))


@pytest.mark.parametrize("size", [0, 1, 31, 33, 63, 65, 96])
def test_ed25519_keys_of_other_sizes(size):
    """A whsk_ key that is neither 32 nor 64 bytes is refused."""
    with pytest.raises(ValueError, match="whsk_ key"):
        check_secret(written("whsk_", (SEED + PUBLIC + SEED)[:size]))


SENSITIVE = st.text(min_size=12, max_size=80)


@given(prefix=st.sampled_from(["whsec_", "whsk_", "WHSEC_", "sk_live_", ""]), rest=SENSITIVE)
@example(prefix="whsec_", rest="not base64 at all!")
@example(prefix="whsec_", rest="schlüssel-schlüssel")
@example(prefix="whsk_", rest="A" * 41)
def test_malformed_secrets(prefix, rest):
    """A malformed secret raises ValueError, whose text and causes do not hold the secret."""
    secret = prefix + rest
    try:
        check_secret(secret)
    except ValueError as error:
        shown = f"{error} {error.__cause__}"
        assert secret not in shown
        assert rest not in shown
        assert repr(rest)[1:-1] not in shown
    else:
        assert prefix in ("whsec_", "whsk_")


@pytest.mark.parametrize("like", ["whsec_", "whsk_"])
def test_generated_secrets(like):
    """A generated secret is of the kind asked for, valid, and another at every call."""
    made = {generate_secret(like + random.token_hex(4)) for _ in range(20)}
    assert len(made) == 20
    assert all(check_secret(secret).startswith(like) for secret in made)


def test_what_is_generated_by_default():
    """Without a pattern a whsec_ key of 32 bytes is made."""
    assert len(base64.b64decode(generate_secret().removeprefix("whsec_"))) == 32
