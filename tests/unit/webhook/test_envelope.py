"""The body: serialised once, the same bytes at every attempt."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from support.strategies import JSON, NAMES

from hookwright.contracts import load_contracts
from hookwright.models import EventInput
from hookwright.times import rfc3339, rfc3339_seconds
from hookwright.webhook import event_document, render

STANDARD = load_contracts()["standard"]
WHEN = datetime(2026, 1, 15, 10, 30, 0, 987_654, tzinfo=UTC)
MOMENTS = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda it: timezone(timedelta(minutes=it))),
)


def event(data: object) -> EventInput:
    return EventInput(tenant_id="acme", id="evt_1", type="loan.funded", data=data)


def test_exact_bytes():
    """The standard body is compact, in the contract's order, and UTF-8 without escapes."""
    body = render(STANDARD, event({"name": "Zoë 😀", "n": 1.5, "none": None}), WHEN)
    assert body.decode() == (
        '{"type":"loan.funded","timestamp":"2026-01-15T10:30:00Z",'
        '"data":{"name":"Zoë 😀","n":1.5,"none":null}}'
    )


@given(data=JSON)
def test_any_data(data):
    """Any JSON value arrives as it was, in the shortest form, and twice gives the same bytes."""
    body = render(STANDARD, event(data), WHEN)
    assert body == render(STANDARD, event(data), WHEN)
    assert json.loads(body)["data"] == data
    compact = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":"))
    assert body.decode() == compact


@given(data=JSON, event_id=NAMES)
def test_bytes_survive_storage(data, event_id):
    """An event that was stored and read again has the same body: model -> JSON -> model."""
    fresh = EventInput(tenant_id="acme", id=event_id, type="a", data=data, created_at=WHEN)
    stored = EventInput.model_validate_json(fresh.model_dump_json())
    assert stored.id == fresh.id
    assert render(STANDARD, stored, WHEN) == render(STANDARD, fresh, WHEN)


@given(moment=MOMENTS)
def test_times_are_utc_with_whole_seconds(moment):
    """Whatever the zone, a time is written in UTC with four-digit year, whole seconds and Z."""
    document = event_document(event(None), moment)
    written = str(document["time"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", written)
    assert datetime.fromisoformat(written) == moment.replace(microsecond=0)
    assert abs(document["unix_time"] - moment.timestamp()) < 1


@given(moment=MOMENTS)
def test_the_apis_times_have_milliseconds(moment):
    """The API's times are the same with three more digits, cut and not rounded."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", rfc3339(moment))
    assert rfc3339(moment)[:19] == rfc3339_seconds(moment)[:19]
