"""What receivers use: it lets through what the product signs, and nothing else."""

import time
from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from support.strategies import HMAC_SECRETS, NAMES
from support.webhooks import signed_headers

from hookwright.contracts import Contract, load_contracts
from hookwright.verify import VerificationError, verify
from hookwright.webhook import generate_secret, public_key

CONTRACTS = load_contracts()
TIMED = [it for it in CONTRACTS.values() if it.signature.scheme != "body"]
BODIES = st.binary(max_size=200)
ED25519_SECRETS = st.builds(generate_secret, st.just("whsk_"))
SECRETS = HMAC_SECRETS | ED25519_SECRETS
TEXT_SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8)
NOW = 1_768_473_000
SECRET = "whsec_" + "QUJD" * 8
BODY = b'{"type":"loan.funded"}'

every_contract = pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS.keys())
timed_contracts = pytest.mark.parametrize("contract", TIMED, ids=lambda it: it.name)


def secrets_of(contract: Contract) -> st.SearchStrategy[str]:
    return SECRETS if contract.signature.scheme == "standard" else TEXT_SECRETS


def refused(
    contract: Contract, headers: Mapping[str, str], body: bytes = BODY, **options: object
) -> str:
    """Return why a webhook is refused, by this error and no other."""
    with pytest.raises(VerificationError) as caught:
        verify(contract, headers, body, SECRET, **{"now": NOW, **options})
    assert SECRET not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"
    return str(caught.value)


@every_contract
@given(data=st.data(), body=BODIES, event_id=NAMES, now=st.integers(0, 253_402_300_799))
def test_round_trip(contract, data, body, event_id, now):
    """What the product signs verifies: any body, id, time and secret, by name or by contract."""
    secret = data.draw(secrets_of(contract))
    headers = signed_headers(contract, [secret], body, event_id, now)
    verify(contract, headers, body, secret, now=now)
    verify(contract.name, headers, body, [secret], now=now)


@every_contract
@given(data=st.data(), body=BODIES)
def test_wrong_secret(contract, data, body):
    """Another secret of any kind does not verify."""
    secret, other = data.draw(secrets_of(contract)), data.draw(secrets_of(contract))
    assume(secret != other)
    headers = signed_headers(contract, [secret], body, now=NOW)
    with pytest.raises(VerificationError, match="does not match this secret and body"):
        verify(contract, headers, body, other, now=NOW)


@every_contract
@given(data=st.data(), body=st.binary(min_size=1, max_size=200))
def test_changed_body(contract, data, body):
    """A body with one byte changed, added or left out does not verify."""
    headers = signed_headers(contract, [SECRET], body, now=NOW)
    at = data.draw(st.integers(0, len(body) - 1))
    flipped = bytes([body[at] ^ data.draw(st.integers(1, 255))])
    for changed in (body[:at] + flipped + body[at + 1 :], body + b" ", body[:-1]):
        assert "does not match" in refused(contract, headers, changed)


@every_contract
def test_every_header_is_needed(contract):
    """A header that is missing, empty or given twice is named in the refusal."""
    headers = signed_headers(contract, [SECRET], BODY, now=NOW)
    signed = {contract.signature.header}
    if contract.signature.scheme == "standard":
        signed = set(headers)
    for name, value in headers.items():
        rest = {key: other for key, other in headers.items() if key != name}
        if name not in signed:
            verify(contract, rest, BODY, SECRET, now=NOW)
            continue
        reason = f"the header {name} is missing or empty"
        assert reason == refused(contract, rest) == refused(contract, {**rest, name: ""})
        twice = {**headers, name.swapcase(): value}
        assert refused(contract, twice) == f"the header {name} is given more than once"
        raw = [(key.lower().encode(), it.encode()) for key, it in [*headers.items(), (name, value)]]
        assert refused(contract, Headers(raw=raw)) == f"the header {name} is given more than once"


@every_contract
def test_header_names_in_any_case(contract):
    """Headers verify as frameworks give them: lower case, upper case, title case."""
    headers = signed_headers(contract, [SECRET], BODY, now=NOW)
    for spelt in (str.lower, str.upper, str.title):
        verify(contract, {spelt(k): v for k, v in headers.items()}, BODY, SECRET, now=NOW)


@timed_contracts
def test_tolerance(contract):
    """A timestamp is tolerated for 300 s both ways, or as long as given, and not a second more."""
    headers = signed_headers(contract, [SECRET], BODY, now=NOW)
    for age in (-300, 0, 300):
        verify(contract, headers, BODY, SECRET, now=NOW + age)
    assert "is 301 s old, and 300 s are tolerated" in refused(contract, headers, now=NOW + 301)
    assert "is 301 s in the future" in refused(contract, headers, now=NOW - 301)
    verify(contract, headers, BODY, SECRET, now=NOW + 301, tolerance_seconds=301)
    assert "6 s old" in refused(contract, headers, now=NOW + 6, tolerance_seconds=5)


@timed_contracts
def test_the_clock(contract):
    """Without `now` the clock counts."""
    verify(contract, signed_headers(contract, [SECRET], BODY), BODY, SECRET)
    old = signed_headers(contract, [SECRET], BODY, now=int(time.time()) - 302)
    with pytest.raises(VerificationError, match="s old"):
        verify(contract, old, BODY, SECRET)


@timed_contracts
@given(shift=st.integers(-300, 300).filter(bool))
def test_changed_timestamp(contract, shift):
    """A timestamp changed within the tolerance does not verify: it is signed."""
    headers = signed_headers(contract, [SECRET], BODY, now=NOW)
    changed = {name: value.replace(str(NOW), str(NOW + shift)) for name, value in headers.items()}
    assert changed != headers
    assert "does not match" in refused(contract, changed)


@timed_contracts
@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "x",
        "-1",
        "+1",
        "1e9",
        "1.5",
        "0x1",
        "1_0",
        "٣",
        "²",
        f"0{NOW}",
        f" {NOW}",
        "9" * 5000,
    ],
)
def test_malformed_timestamps(contract, written):
    """A timestamp that is no whole number as JSON writes it is refused, however long."""
    headers = signed_headers(contract, [SECRET], BODY, now=NOW)
    changed = {name: value.replace(str(NOW), written) for name, value in headers.items()}
    refused(contract, changed)


def test_changed_id():
    """Standard Webhooks sign the id, so another one does not verify."""
    headers = signed_headers(CONTRACTS["standard"], [SECRET], BODY, now=NOW)
    assert "does not match" in refused(CONTRACTS["standard"], {**headers, "webhook-id": "evt_2"})


@pytest.mark.parametrize("contract", TIMED, ids=lambda it: it.name)
@given(data=st.data())
def test_one_of_several_signatures(contract, data):
    """During a rotation each live secret verifies, among signatures of kinds that it is not."""
    secrets = data.draw(st.lists(secrets_of(contract), min_size=1, max_size=5, unique=True))
    headers = signed_headers(contract, secrets, BODY, now=NOW)
    name = contract.signature.header
    more = " v2,AAAA v1 v1a,!" if contract.signature.scheme == "standard" else ",v0=00,v1=,x"
    for secret in secrets:
        verify(contract, headers, BODY, secret, now=NOW)
        verify(contract, {**headers, name: headers[name] + more}, BODY, secret, now=NOW)


@every_contract
@given(data=st.data())
def test_one_of_several_secrets(contract, data):
    """A receiver may hold several secrets: one that fits is enough, wherever it stands."""
    secrets = data.draw(st.lists(secrets_of(contract), min_size=2, max_size=4, unique=True))
    for secret in secrets:
        headers = signed_headers(contract, [secret], BODY, now=NOW)
        verify(contract, headers, BODY, secrets, now=NOW)
        others = [each for each in secrets if each != secret]
        with pytest.raises(VerificationError):
            verify(contract, headers, BODY, others, now=NOW)


@given(secret=ED25519_SECRETS, other=ED25519_SECRETS, body=BODIES)
def test_public_keys(secret, other, body):
    """The public key verifies what its private key signed, and nothing else."""
    headers = signed_headers(CONTRACTS["standard"], [other, secret], body, now=NOW)
    verify("standard", headers, body, public_key(secret), now=NOW)
    headers = signed_headers(CONTRACTS["standard"], [other, SECRET], body, now=NOW)
    with pytest.raises(VerificationError):
        verify("standard", headers, body, public_key(secret), now=NOW)


def test_public_key_as_hmac_key():
    """A v1 signature keyed with the public key, which everyone knows, does not verify."""
    public = public_key(generate_secret("whsk_"))
    forged = "whsec_" + public.removeprefix("whpk_")
    headers = signed_headers(CONTRACTS["standard"], [forged], BODY, now=NOW)
    with pytest.raises(VerificationError):
        verify("standard", headers, BODY, public, now=NOW)


GARBAGE = (
    st.text(max_size=60) | st.text("tv10=,. aZ+/-\x00\ud800", max_size=60) | BODIES | st.none()
)


@every_contract
@given(data=st.data(), body=BODIES)
def test_garbage_in_one_header(contract, data, body):
    """Any text or bytes in place of a header is refused by VerificationError and nothing else."""
    headers = signed_headers(contract, [SECRET], body, now=NOW)
    garbage = data.draw(GARBAGE)
    assume(garbage not in headers.values())
    refused(contract, {**headers, contract.signature.header: garbage}, body)
    if contract.signature.scheme == "standard":
        name = data.draw(st.sampled_from(sorted(headers)))
        refused(contract, {**headers, name: garbage}, body)


@every_contract
@given(headers=st.dictionaries(GARBAGE, GARBAGE), body=BODIES)
def test_garbage_everywhere(contract, headers, body):
    """Any headers with any names are refused by VerificationError and nothing else."""
    refused(contract, headers, body)


@timed_contracts
@given(data=st.data())
def test_garbage_after_a_good_start(contract, data):
    """A header that begins well and goes on with anything is refused unless it still verifies."""
    headers = signed_headers(contract, [generate_secret()], BODY, now=NOW)
    name = contract.signature.header
    cut = data.draw(st.integers(0, len(headers[name])))
    garbage = headers[name][:cut] + data.draw(st.text("tv1a0=,. Z+/\x00", max_size=40))
    refused(contract, {**headers, name: garbage})


@every_contract
@pytest.mark.parametrize("secret", ["", None, [], [""], [None], b"whsec_", [SECRET, ""]])
def test_secret_that_is_not_set(contract, secret):
    """A secret that is not set, or not text, is the caller's mistake, not the webhook's."""
    with pytest.raises(ValueError, match="is it set"):
        verify(contract, {}, BODY, secret)


@pytest.mark.parametrize(
    ("contract", "secret"),
    [
        ("standard", "Secr3tValue"),
        ("standard", "whsec_Secr3tValue"),
        ("standard", "whpk_Secr3tValue"),
        ("standard", "whsk_Secr3tValue"),
        ("standard", "whsec_é" + "Secr3tValue" * 4),
        ("standard", SECRET + "\nSecr3tValue"),
        ("clearway", "Secr3tValue\n"),
        ("reflow", "Secr3tValue-é"),
        ("reflow", "Secr3tValue-\ud800"),
    ],
)
def test_secret_that_cannot_be(contract, secret):
    """A secret that the contract cannot have raises an error that does not repeat the secret."""
    with pytest.raises(ValueError, match=r".") as caught:
        verify(contract, {}, BODY, secret)
    shown = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert "Secr3tValue" not in shown


def test_unknown_contract():
    """A contract that does not ship is a mistake whose text names those that do."""
    with pytest.raises(
        ValueError, match=r"no contract acme ships; there are: clearway, .*standard"
    ):
        verify("acme", {}, BODY, SECRET)


@pytest.mark.parametrize("body", ["{}", {}, None])
def test_body_that_is_not_bytes(body):
    """A body that was decoded or parsed raises an error that names this mistake."""
    with pytest.raises(TypeError, match="the bytes that arrived"):
        verify("standard", {}, body, SECRET)
