"""Times as the API and the contracts write them. All are UTC."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer

LONGEST_DELAY = timedelta(days=365)

WRITTEN = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d")


def rfc3339(moment: datetime) -> str:
    """Write a time as the API does: `2026-01-15T10:30:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339_exact(moment: datetime) -> str:
    """Write a time with microseconds, as Temporal's visibility compares it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def rfc3339_seconds(moment: datetime) -> str:
    """Write a time as published contracts do: whole seconds, `2026-01-15T10:30:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("not a time that UTC can express") from None


def _written(value: object) -> object:
    """Refuse a number: pydantic would take it for seconds, or for milliseconds if it is large."""
    if not isinstance(value, datetime) and not WRITTEN.match(str(value)):
        raise ValueError("write a time as 2026-01-15T10:30:00Z")
    return value


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
"""A time in any zone."""

WrittenMoment = Annotated[Moment, BeforeValidator(_written)]
"""A time that a caller wrote."""

Timestamp = Annotated[Moment, PlainSerializer(rfc3339, when_used="json")]
"""A time that becomes JSON with milliseconds and `Z`."""


def delay_until(deliver_at: datetime | None, now: datetime) -> timedelta | None:
    """Return how long an event still waits; None if it is due, as it is at any past time.

    Raises:
        ValueError: it is more than a year ahead.
    """
    if deliver_at is None or deliver_at <= now:
        return None
    if deliver_at - now > LONGEST_DELAY:
        raise ValueError(f"at most {LONGEST_DELAY.days} days ahead")
    return deliver_at - now
