"""Times as the API and the contracts write them. All are UTC."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, PlainSerializer


def rfc3339(moment: datetime) -> str:
    """Write a time as the API does: `2026-01-15T10:30:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339_seconds(moment: datetime) -> str:
    """Write a time as published contracts do: whole seconds, `2026-01-15T10:30:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("not a time that UTC can express") from None


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
"""A time that somebody gave, in any zone."""

Timestamp = Annotated[Moment, PlainSerializer(rfc3339, when_used="json")]
"""A time that becomes JSON with milliseconds and `Z`."""
