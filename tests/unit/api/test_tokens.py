"""Tenant tokens: what is not exactly right is refused, and nothing raises."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.jwts import PRIVATE_KEYS, claims, ours, pem_of, theirs, written
from support.stack import JWT_SECRET, TOKENS

from api.tokens import EPOCH, MAX_CLOCK_SKEW_SECONDS, MAX_LIFETIME_SECONDS, Claims, Scope, Tokens
from hookwright.models import Tier
from runtime.keys.jwt_keys import pem_key, secret_key


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed(header: object, payload: object, key: bytes = JWT_SECRET.encode()) -> str:
    """Return a token with any header and payload, under HMAC-SHA256."""
    parts = [it if isinstance(it, bytes) else json.dumps(it).encode() for it in (header, payload)]
    text = ".".join(map(base64url, parts))
    return f"{text}.{base64url(hmac.digest(key, text.encode(), hashlib.sha256))}"


@pytest.fixture(params=sorted(PRIVATE_KEYS))
def algorithm(request):
    return request.param


@pytest.fixture
def by_provider(algorithm, tmp_path):
    """The provider's public key for the algorithm."""
    return Tokens([pem_key(written(tmp_path / "key.pem", pem_of(PRIVATE_KEYS[algorithm])))])


def test_round_trip():
    """What is minted is read: tenant, scopes, tier, and when it ends."""
    minted = TOKENS.mint("acme", [Scope.EVENTS_WRITE, Scope.DELIVERIES_READ], 60, Tier.PRO)
    read = TOKENS.read(minted.token)
    assert (read.sub, read.tier) == ("acme", Tier.PRO)
    assert read.scopes == {Scope.EVENTS_WRITE, Scope.DELIVERIES_READ}
    assert read.exp == minted.expires_at.timestamp()
    assert 59 <= read.exp - read.iat <= 60


def test_the_longest_life():
    """A token of the longest lifetime is valid, and one that is valid a second longer is not."""
    assert TOKENS.read(TOKENS.mint("acme", [], MAX_LIFETIME_SECONDS, Tier.FREE).token)
    begun = int(time.time()) - 5
    assert TOKENS.read(ours(iat=begun, exp=begun + MAX_LIFETIME_SECONDS))
    assert TOKENS.read(ours(iat=begun, exp=begun + MAX_LIFETIME_SECONDS + 1)) is None


def test_without_a_key():
    """Without keys nothing is minted, and no token is good."""
    assert Tokens().mint("acme", [], 60, Tier.FREE) is None
    assert Tokens().read(ours()) is None


def test_by_the_providers_key(by_provider, algorithm):
    """A token under the provider's key is good; with that key none is minted."""
    assert by_provider.read(theirs(algorithm)).sub == "acme"
    assert by_provider.mint("acme", [], 60, Tier.FREE) is None


def test_foreign_scopes_are_ignored():
    """Another service's scopes permit nothing here."""
    read = TOKENS.read(ours(scope="openid  endpoints:read endpoints:* admin"))
    assert read.scopes == {Scope.ENDPOINTS_READ}
    assert TOKENS.read(ours(scope=None)).scopes == set()


def bad_claims(now):
    """Return claims that must not be, around a time."""
    return {
        "expired": {"exp": now - 1, "iat": now - 60},
        "ends as it begins": {"iat": now + 20, "exp": now + 20},
        "ends before it begins": {"iat": now + 20, "exp": now + 10},
        "from the future": {"iat": now + MAX_CLOCK_SKEW_SECONDS + 60, "exp": now + 600},
        "not yet": {"nbf": now + MAX_CLOCK_SKEW_SECONDS + 60},
        "no exp": {"exp": None},
        "no iat": {"iat": None},
        "no sub": {"sub": None},
        "another sub": {"sub": 7},
        "sub outside the charset": {"sub": "a' OR 'b"},
        "sub with a newline": {"sub": "acme\n"},
        "exp in text": {"exp": str(now + 600)},
        "iat in text": {"iat": str(now)},
        "iat as truth": {"iat": True},
        "exp as a list": {"exp": [now + 600]},
        "endless": {"exp": float("inf")},
        "no number": {"exp": float("nan")},
        "huge": {"exp": 10**400},
        "huge beginning": {"iat": -(10**400)},
        "before all": {"iat": float("-inf")},
        "unknown tier": {"tier": "platinum"},
        "tier of another kind": {"tier": ["pro"]},
        "scopes as a list": {"scope": ["endpoints:read"]},
        "for someone": {"aud": "another-service"},
    }


@pytest.mark.parametrize("name", bad_claims(0))
def test_bad_claims(name):
    """A token that is signed well, but says what it must not, is refused."""
    assert TOKENS.read(ours(**bad_claims(int(time.time()))[name])) is None


def test_a_clock_that_is_a_little_ahead():
    """A token from a clock that is some seconds ahead is good at once."""
    soon = int(time.time()) + 10
    assert TOKENS.read(ours(iat=soon, nbf=soon))


def test_audience():
    """With an audience set, tokens must be for it, and those that are minted are."""
    tokens = replace(TOKENS, audience="hookwright")
    assert tokens.read(tokens.mint("acme", [], 60, Tier.FREE).token)
    assert tokens.read(ours(aud=["other", "hookwright"]))
    for audience in ("other", ["other"], {"hookwright": 1}, None):
        assert tokens.read(ours(aud=audience)) is None


def test_public_key_as_a_secret(by_provider, algorithm):
    """HS256 under the text of the provider's public key is refused, and so is every other name."""
    for key in (pem_of(PRIVATE_KEYS[algorithm]), pem_of(PRIVATE_KEYS[algorithm]).strip()):
        for alg in ("HS256", "HS512", "none", "None", algorithm, "", None, 7, ["HS256"]):
            assert by_provider.read(signed({"alg": alg}, claims(), key)) is None


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, "HS1", "RS256", "HS512"])
def test_wrong_algorithm(alg):
    """`none`, signed or not, and every algorithm that is not the key's own, is refused."""
    good = signed({"alg": "HS256", "typ": "JWT"}, claims())
    assert TOKENS.read(good)
    token = signed({"alg": alg, "typ": "JWT"}, claims())
    assert TOKENS.read(token) is None
    assert TOKENS.read(token.rpartition(".")[0] + ".") is None
    assert TOKENS.read(good.rpartition(".")[0] + ".") is None


def test_another_key(algorithm, by_provider):
    """A token under another key of the same kind, or of another kind, is refused."""
    others = {name: theirs(name) for name in PRIVATE_KEYS if name != algorithm}
    for token in (*others.values(), ours(), jwt.encode(claims(), "x" * 32, "HS256")):
        assert by_provider.read(token) is None
    assert TOKENS.read(jwt.encode(claims(), "x" * 32, "HS256")) is None


def test_headers_that_point_elsewhere():
    """A key, or where to get one, in the token's own header is not looked at."""
    thief = secret_key("t" * 32)
    for header in (
        {"alg": "HS256", "jwk": {"kty": "oct", "k": base64url(b"t" * 32)}},
        {"alg": "HS256", "jku": "https://thief.example/keys", "kid": "1"},
        {"alg": "HS256", "kid": "../../dev/null"},
    ):
        assert TOKENS.read(signed(header, claims(), b"t" * 32)) is None
        assert Tokens([thief]).read(signed(header, claims(), b"t" * 32))
    assert TOKENS.read(signed({"alg": "HS256", "crit": ["exp"]}, claims())) is None


def test_several_keys():
    """During a rotation tokens under the old key and the new one are good."""
    old, new = secret_key(JWT_SECRET), secret_key("n" * 32)
    tokens = Tokens([new, old], new)
    assert tokens.read(ours())
    minted = tokens.mint("acme", [], 60, Tier.FREE).token
    assert tokens.read(minted)
    assert TOKENS.read(minted) is None


GOOD = ours(exp=int(time.time()) + 86_400)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(text=st.text(max_size=80) | st.text("abcXYZ019._-=", max_size=200))
def test_any_text(text):
    """Any text is refused, and raises nothing."""
    assert TOKENS.read(text) is None


@given(data=st.data())
def test_altered(data):
    """A good token with one character changed is refused."""
    place = data.draw(st.integers(0, len(GOOD) - 1))
    other = data.draw(st.sampled_from("abcXYZ019._-"))
    altered = GOOD[:place] + other + GOOD[place + 1 :]
    if altered != GOOD:
        assert TOKENS.read(altered) is None


@given(header=st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ"]), JSON))
def test_any_header(header):
    """Any header but the key's own algorithm is refused, and raises nothing."""
    read = TOKENS.read(signed(header, claims()))
    assert read is None or header["alg"] == "HS256"


@given(payload=JSON | st.dictionaries(st.sampled_from(["sub", "iat", "exp", "nbf", "aud"]), JSON))
def test_any_payload(payload):
    """Whatever a good signature stands under, reading it raises nothing."""
    TOKENS.read(signed({"alg": "HS256"}, payload))
    if isinstance(payload, dict):
        read = TOKENS.read(signed({"alg": "HS256"}, {**claims(), **payload}))
        assert read is None or read.sub == payload.get("sub", "acme")


@pytest.mark.parametrize("deep", [b"[" * 30_000, b'{"a":' * 30_000, b"9" * 30_000, b"\xff\xfe"])
def test_hostile_json(deep):
    """JSON that nests without end, numbers without end, and no text at all, raise nothing."""
    assert TOKENS.read(signed(deep, claims())) is None
    assert TOKENS.read(signed({"alg": "HS256"}, deep)) is None


CREATED_AT = 1_700_000_000.456


@pytest.mark.parametrize(
    ("iat", "lag", "is_older"),
    [
        (CREATED_AT, 0, False),
        (CREATED_AT - 0.001, 0, True),
        (CREATED_AT + 0.001, 0, False),
        (int(CREATED_AT), 0, False),
        (int(CREATED_AT) - 1, 0, True),
        (CREATED_AT - 29.9, MAX_CLOCK_SKEW_SECONDS, False),
        (CREATED_AT - 30.1, MAX_CLOCK_SKEW_SECONDS, True),
        (int(CREATED_AT) - 29, MAX_CLOCK_SKEW_SECONDS, False),
        (int(CREATED_AT) - 30, MAX_CLOCK_SKEW_SECONDS, True),
    ],
)
def test_older_than_the_tenant(iat, lag, is_older):
    """A token is older than its tenant if neither rounding nor its maker's clock explains it."""
    read = Claims(**{**claims(), "iat": iat}, clock_lag=lag)
    assert read.is_older_than(datetime.fromtimestamp(CREATED_AT, UTC)) is is_older


@given(st.integers(0, 4_000_000_000_000))
def test_a_minted_token_is_not_older_than_its_tenant(milliseconds):
    """Whatever the two clocks say, a token of the API has at least the time of its tenant."""
    created_at = EPOCH + timedelta(milliseconds=milliseconds)
    minted = TOKENS.mint("acme", [], 60, Tier.FREE, created_at=created_at)
    payload = jwt.decode(minted.token, options={"verify_signature": False})
    assert not Claims.model_validate(payload).is_older_than(created_at)


def test_a_token_cannot_choose_its_clock(by_provider, algorithm):
    """How far a clock may be behind follows from the key, whatever the token says."""
    assert TOKENS.read(ours(clock_lag=1e9)).clock_lag == 0
    theirs_read = by_provider.read(theirs(algorithm, clock_lag=1e9))
    assert theirs_read.clock_lag == MAX_CLOCK_SKEW_SECONDS
