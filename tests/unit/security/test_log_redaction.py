"""Logs: no secret gets into a line, by its field's name, by its form, or because it is in use."""

import asyncio
import json
import logging
import string
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hookwright.security import (
    SECRET_FIELDS,
    find_secret_values,
    hidden_from_logs,
    redact_hidden_values,
)
from hookwright.security import log_redaction as secrecy
from hookwright.security.hidden_values import HiddenValues
from runtime.logs import without_secrets

VALUE = 'Tr0ub4dor "é\\\n&3'


def written(**event: object) -> str:
    """Return the line that an event becomes."""
    return json.dumps(without_secrets(None, "", event), default=repr)


@pytest.mark.parametrize("name", sorted(SECRET_FIELDS))
def test_fields_by_name(name):
    """A field with the name of a secret is redacted, at any depth and of any type."""
    for value in (VALUE, {"x": VALUE}, [VALUE], VALUE.encode(), 12345678):
        for event in ({name: value}, {"a": {name: value}}, {"a": [{"b": {name: value}}]}):
            assert "***" in written(**event)
            assert "dor" not in written(**event)
            assert "12345678" not in written(**event)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a whsec_MfKQ9r8GKYqrTwjU+/= b", "a whsec_*** b"),
        ("whsk_abc", "whsk_***"),
        ("hwk_ops_0123abc", "hwk_ops_***"),
        ("Bearer sk_live_1.2-3", "Bearer ***"),
        ("{'authorization': 'bearer x.y'}", "{'authorization': 'bearer ***'}"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln ends", "token eyJ*** ends"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----.", None),
        ("-----BEGIN PRIVATE KEY-----\nMHc\ncut off", None),
        ("https://hooks.slack.com/services/T0/B0/x.", "https://hooks.slack.com/***"),
        ("nothing of the kind, whsec_ included", "nothing of the kind, whsec_ included"),
    ],
)
def test_values_by_form(text, shown):
    """What looks like a secret, key or token of the product is redacted after its beginning."""
    line = without_secrets(None, "", {"event": text, "error": ValueError(text)})
    if shown is None:
        assert "MHc" not in str(line)
        assert "PRIVATE KEY-----***" in str(line)
    else:
        assert line == {"event": shown, "error": shown}


async def test_values_in_use():
    """A value in use is in no line, wherever it stands and however it is written."""
    with hidden_from_logs(VALUE, "short"):
        for event in (
            {"event": f"x{VALUE}y"},
            {"anything": [{"a": VALUE}]},
            {"error": ValueError(VALUE)},
            {"shown": repr(VALUE), "json": json.dumps({"a": VALUE})},
        ):
            line = written(**event)
            assert "***" in line
            assert "dor" not in line
        assert "short" in written(event="short")


async def test_an_exception_that_has_left():
    """What was in use is still blotted out in the traceback that is logged right after."""
    try:
        with hidden_from_logs(VALUE):
            raise ValueError(VALUE)  # noqa: TRY301
    except ValueError:
        event = {"event": "api.unexpected_error", "exc_info": True}
        line = json.dumps(
            without_secrets(None, "", structlog.processors.format_exc_info(None, "error", event))
        )
    assert "ValueError: ***" in line
    assert "dor" not in line


async def test_values_are_forgotten(monkeypatch):
    """Used twice, a value is hidden until the second use ends, and then is not kept."""
    monkeypatch.setattr(secrecy, "LINGER_SECONDS", 0)
    value = uuid.uuid4().hex
    with hidden_from_logs(value):
        with hidden_from_logs(value):
            pass
        await asyncio.sleep(0.01)
        assert redact_hidden_values(value) == "***"
    await asyncio.sleep(0.01)
    assert redact_hidden_values(value) == value
    assert value not in secrecy._hidden


@given(
    value=st.text(string.printable + "éß😀", min_size=6, max_size=40).filter(
        lambda it: "***" not in it
    )
)
async def test_any_value(value):
    """Any value that is in use and long enough to be a secret is blotted out."""
    with hidden_from_logs(value):
        line = without_secrets(None, "", {"event": f"before {value} after", "error": [value]})
    assert line["error"] == ["***"]
    assert value not in line["event"].removeprefix("before ").removesuffix(" after")


@given(
    values=st.lists(
        st.text("ab\n\\'\"é", min_size=6, max_size=400), min_size=1, max_size=4, unique=True
    ),
    around=st.text("cd ", max_size=200),
)
async def test_values_of_any_length(values, around):
    """Nothing is left of a value, long or short, escaped or not, alone or beside others."""
    hidden = HiddenValues()
    hidden.add(values)
    for value in values:
        for form in (value, json.dumps(value)[1:-1], repr(value)[1:-1]):
            assert hidden.redact(f"{around}{form}{around}") == f"{around}***{around}"
    hidden.remove(values)
    assert not any([hidden._uses, hidden._pieces, hidden._lengths, hidden._unindexed])
    assert hidden.redact(values[0]) == values[0]


def test_values_that_overlap():
    """Of two values that share an end and a beginning nothing is left."""
    hidden = HiddenValues()
    hidden.add(["first+shared", "shared+last", "a" * 100 + "shared"])
    text = f"x first+shared+last y {'a' * 100}shared+last z"
    assert hidden.redact(text) == "x *** y *** z"


def test_threads():
    """Values come, go and are searched in several threads, and in the end none is left."""
    hidden = HiddenValues()

    def use(thread):
        for number in range(500):
            values = [f"secret {number % 7}", f"of {thread}: {number}" * 20]
            hidden.add(values)
            assert hidden.redact(f"a {values[1]} b {values[0]} c") == "a *** b *** c"
            hidden.remove(values)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(4)))
    assert not any([hidden._uses, hidden._pieces, hidden._lengths, hidden._unindexed])


def test_a_line_costs_its_length():
    """Ten thousand values in use cost a line as much as ten do, also if they begin alike."""
    text = "the receiver answered 307, a redirect to https://hooks.example.com/in " + "a" * 400
    few, many = HiddenValues(), HiddenValues()
    for hidden, count in ((few, 10), (many, 10_000)):
        hidden.add(f"https://hooks.example.com/{n:x}" for n in range(count // 2))
        hidden.add("a" * (6 + n % 50) + f"{n:x}" for n in range(count // 2))
        hidden.redact(text)
    shares = [cpu(many.redact, text) / cpu(few.redact, text) for _ in range(5)]
    assert min(shares) < 20


def cpu(redact, text):
    """Return the CPU time of some calls."""
    began = time.thread_time()
    for _ in range(20):
        redact(text)
    return time.thread_time() - began


async def test_words_of_the_log_cannot_be_hidden(log_output):
    """A tenant whose secret equals an event's name, an id or a level leaves the lines alone."""
    with hidden_from_logs("delivery.attempted", "another_tenant", "delivered", "warning"):
        structlog.get_logger("hookwright.test").warning(
            "delivery.attempted",
            tenant_id="another_tenant",
            outcome="delivered",
            error="delivery.attempted",
        )
    (line,) = log_output.getvalue().splitlines()
    assert line.count("***") == 1
    for word in ("delivery.attempted", "another_tenant", "delivered", "warning"):
        assert word in line


def test_secrets_of_a_body():
    """Of a request's body all texts below a secret's name are secret, and no others."""
    body = {
        "id": "aaaaaa",
        "more": [{"secret": "dddddd"}],
        "headers": {"X-A": "bbbbbb", "X-B": "cccccc", "X-C": "short"},
        "secret": 1,
    }
    assert find_secret_values(body) == ["bbbbbb", "cccccc", "dddddd"]


def test_secrets_of_a_large_body():
    """Of a body with more texts than are hidden, those that are higher up are hidden."""
    data = {"deep": {f"k{n}": f"value {n}" for n in range(50_000)}}
    found = find_secret_values({"data": data, "secret": VALUE, "headers": {"X-A": "a value"}})
    assert len(found) == secrecy.MAX_VALUES
    assert {VALUE, "a value"} <= set(found)


async def test_lines_as_they_are_written(log_output):
    """The processes' log handler redacts secrets in the lines of the product and of libraries."""
    with hidden_from_logs(VALUE):
        structlog.get_logger("hookwright.test").warning("one", token="a-token", error=VALUE)
        logging.getLogger("strange.library").error("two %s", VALUE)
        try:
            raise ValueError(VALUE)  # noqa: TRY301
        except ValueError:
            logging.getLogger("strange.library").exception("three")
    lines = log_output.getvalue()
    for word in ("one", "two", "three", "ValueError: ***"):
        assert word in lines
    for secret in ("a-token", "dor"):
        assert secret not in lines
