"""Custom headers: whatever a tenant gives is sent as it is, or refused before it is stored."""

import json
import re
import string

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookwright.contracts import check_headers, shown_headers
from hookwright.contracts.headers import (
    FORBIDDEN,
    MAX_BYTES,
    MAX_HEADERS,
    MAX_SHOWN_BYTES,
    REDACTED,
)

RESERVED = ("x-signature", "x-event-id")
NAMES = st.text(string.ascii_letters + string.digits + "!#$%&'*+.^_`|~-", min_size=1, max_size=20)
ANY = st.text(max_size=20) | st.text(string.printable, max_size=20) | NAMES


@given(headers=st.dictionaries(ANY, ANY, max_size=4))
def test_what_passes_can_be_sent(headers):
    """Headers that are accepted are proper HTTP, unchanged; all others are refused."""
    try:
        assert check_headers(headers, RESERVED) == headers
    except ValueError:
        return
    fields = [("host", "x"), *headers.items()]
    sent = h11.Connection(h11.CLIENT).send(h11.Request(method="POST", target="/", headers=fields))
    head = [f"{name}: {value}" for name, value in fields]
    assert (sent or b"").decode().lower().split("\r\n")[1:-2] == [it.lower() for it in head]


@given(
    name=st.sampled_from([*FORBIDDEN, *RESERVED, "webhook-id", "webhook-", "proxy-authorization"]),
    data=st.data(),
)
def test_names_that_are_not_the_tenants(name, data):
    """A reserved name is refused in whatever case it is written."""
    mixed = "".join(data.draw(st.sampled_from([it.lower(), it.upper()])) for it in name)
    with pytest.raises(ValueError, match="is not yours to set"):
        check_headers({mixed: "x"}, RESERVED)


@given(value=st.text(min_size=6, max_size=40), name=ANY)
def test_a_refusal_never_repeats_a_value(value, name):
    """A value may be a secret, so no refusal holds it."""
    secret = f"Tr0ub4dor{value}"
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - every refusal, whatever its words
        check_headers({name: "x", "X-A": secret + "\n", "Host": secret}, RESERVED)
    assert "Tr0ub4dor" not in str(refusal.value)


def test_limits():
    """At most 20 headers of 4,096 bytes in all, names and values together; no name twice."""
    most = {f"x-{n:02}": "v" for n in range(MAX_HEADERS)}
    assert check_headers(most, ()) == most
    longest = {"x": "v" * (MAX_BYTES - 1)}
    assert check_headers(longest, ()) == longest
    for headers in ({**most, "x-20": "v"}, {"x": "v" * MAX_BYTES}, {"X-A": "1", "x-a": "2"}):
        with pytest.raises(ValueError, match=re.compile("at most|twice")):
            check_headers(headers, ())


def test_what_is_shown_of_sent_headers():
    """Names are in lower case, and those named as secret have no value, however they are spelt."""
    sent = {"Host": "hooks.example.com", "X-Token": "s3cret", "Webhook-Signature": "v1,abc"}
    assert shown_headers(sent, secret=["x-token", "webhook-signature"]) == {
        "host": "hooks.example.com",
        "x-token": REDACTED,
        "webhook-signature": REDACTED,
    }


@given(st.dictionaries(st.text(min_size=1, max_size=400), st.text(max_size=400), max_size=30))
def test_what_is_shown_is_bounded(sent):
    """However many headers are sent, few bytes are shown, and what is not secret first."""
    secret = {name.lower() for name in sent if len(name) % 2}
    shown = shown_headers({"host": "hooks.example.com", **sent}, secret)
    assert len(json.dumps(shown)) <= MAX_SHOWN_BYTES
    assert {shown[name] for name in secret & shown.keys()} <= {REDACTED}
    assert next(iter(shown)) == "host"


@given(st.dictionaries(NAMES.map(str.lower), st.text(max_size=600), min_size=1, max_size=30))
def test_as_many_are_shown_as_fit(sent):
    """Headers are shown in their order, and the first that is left out would not have fitted."""
    shown = shown_headers(sent, ())
    assert list(shown.items()) == list(sent.items())[: len(shown)]
    if len(shown) < len(sent):
        first = dict(list(sent.items())[: len(shown) + 1])
        assert len(json.dumps(first)) > MAX_SHOWN_BYTES
