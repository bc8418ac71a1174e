"""Changed fields are told with old and new value, and never with a secret."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookwright.audit import differences
from hookwright.models import NotifySettings, TenantSettings


def told(field: str, old: object, new: object) -> tuple[Any, Any]:
    [found] = differences({field: old}, {field: new})
    assert found.field == field
    return found.old, found.new


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example.com", "https://hooks.example.com/"),
        ("https://hooks.example.com/", "https://hooks.example.com/"),
        ("https://hooks.example.com:8443/s3cret", "https://hooks.example.com:8443/(hidden)"),
        ("https://ann:pw@hooks.example.com/in", "https://(hidden)@hooks.example.com/(hidden)"),
        ("https://@hooks.example.com/", "https://(hidden)@hooks.example.com/"),
        ("https://hooks.example.com/?token=s3cret", "https://hooks.example.com/(hidden)"),
        ("https://hooks.example.com/#s3cret", "https://hooks.example.com/(hidden)"),
        ("https://[s3cret", "(hidden)"),
        ("s3cret:s3cret@x", "(hidden)"),
    ],
)
def test_urls(url: str, shown: str) -> None:
    """Scheme, host and port are told, which say to whom webhooks go; whatever may be secret not."""
    assert told("url", None, url) == (None, shown)


@pytest.mark.parametrize("field", ["secret", "client_certificate", "notify.slack_url"])
def test_secrets(field: str) -> None:
    """That a secret was set, replaced or taken away is told, and nothing of its value."""
    assert told(field, None, "s3cret") == (None, "(hidden)")
    assert told(field, "s3cret", "other") == ("(hidden)", "(hidden)")
    assert told(field, "s3cret", None) == ("(hidden)", None)


def test_headers() -> None:
    """Of headers the names are told: the values are often keys."""
    old, new = {"X-Key": "s3cret", "A": "b"}, {"X-Key": "other"}
    assert told("headers", old, new) == (["A", "X-Key"], ["X-Key"])
    assert told("headers", old, {}) == (["A", "X-Key"], None)


def test_who_is_told() -> None:
    """A tenant's addresses are told, the chat's URL is not."""
    before = TenantSettings(notify=NotifySettings(emails=["a@example.com"]))
    after = TenantSettings(
        notify=NotifySettings(
            emails=["b@example.com"], slack_url="https://hooks.slack.com/services/s3cret"
        )
    )
    found = differences(before.audited_fields(), after.audited_fields())
    assert [(it.field, it.old, it.new) for it in found] == [
        ("notify.emails", ["a@example.com"], ["b@example.com"]),
        ("notify.slack_url", None, "(hidden)"),
    ]


def test_what_is_the_same_is_not_told() -> None:
    """A repeat of the same settings has no differences."""
    settings = TenantSettings(name="Acme", metadata={"a": "b"}).audited_fields()
    assert differences(settings, settings) == []


@pytest.mark.parametrize(
    ("value", "begins"), [("é" * 500, "é"), ({"a": "x" * 500}, '{"a": "x'), (['"' * 500], '["')]
)
def test_long_values_are_cut(value: object, begins: str) -> None:
    """A long value is told by its beginning, and ends in an ellipsis."""
    _, new = told("description", "short", value)
    assert new.startswith(begins)
    assert new.endswith("…")
    assert len(new.encode()) <= 203


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists))
def test_any_value(value: object) -> None:
    """Whatever is stored can be told, within the bound."""
    [found] = differences({"x": 0.5}, {"x": value})
    assert len(found.model_dump_json().encode()) < 1_500
