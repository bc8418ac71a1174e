"""Times in the format of the API and of the contracts. All are in UTC."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer, WithJsonSchema

LONGEST_DELAY = timedelta(days=365)

WRITTEN_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
"""A time as RFC 3339 has it: with seconds and with a time zone."""


def rfc3339(moment: datetime) -> str:
    """Return a time in the API's format: `2026-01-15T10:30:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339_exact(moment: datetime) -> str:
    """Write a time with microseconds, as Temporal's visibility compares it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def rfc3339_seconds(moment: datetime) -> str:
    """Return a time in the format of published contracts: `2026-01-15T10:30:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("not a time that UTC can express") from None


def _refuse_number(value: object) -> object:
    """Refuse a number: pydantic would read it as seconds, or as milliseconds if it is large."""
    if not isinstance(value, datetime) and not WRITTEN_TIME.fullmatch(str(value)):
        raise ValueError("write a time as 2026-01-15T10:30:00Z (RFC 3339, with its time zone)")
    return value


Moment = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A time in any time zone, converted to UTC."""

WrittenMoment = Annotated[Moment, BeforeValidator(_refuse_number)]
"""A time in the text of an API request."""

Timestamp = Annotated[
    Moment,
    PlainSerializer(rfc3339, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""A time that is written to JSON with milliseconds and `Z`."""

WrittenTimestamp = Annotated[Timestamp, BeforeValidator(_refuse_number)]
"""A time of an API request that is also stored."""


def delay_until(deliver_at: datetime | None, now: datetime) -> timedelta | None:
    """Return how long an event still waits, or None if it is due. A past time is due.

    Raises:
        ValueError: `deliver_at` is more than a year ahead.
    """
    if deliver_at is None or deliver_at <= now:
        return None
    if deliver_at - now > LONGEST_DELAY:
        raise ValueError(f"at most {LONGEST_DELAY.days} days ahead")
    return deliver_at - now
