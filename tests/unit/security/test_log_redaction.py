"""Logs: no secret gets into a line, by its field's name, by its form, or because it is in use."""

import asyncio
import json
import logging
import string
import uuid

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


def test_secrets_of_a_body():
    """Of a request's body all texts below a secret's name are secret, and no others."""
    body = {"id": "a", "headers": {"X-A": "b", "X-B": "c"}, "more": [{"secret": "d"}], "secret": 1}
    assert list(find_secret_values(body)) == ["b", "c", "d"]


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
