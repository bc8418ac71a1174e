"""The filters of the delivery log, as a person types them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from pydantic import TypeAdapter, ValidationError

from api.services.deliveries import DeliveryFilter
from hookwright.ids import EventType, Name
from hookwright.outcomes import DeliveryState, StatusClass
from hookwright.times import Moment

NAME, EVENT_TYPE = TypeAdapter[str](Name), TypeAdapter[str](EventType)
MOMENT = TypeAdapter[datetime](Moment)


def utc_moment(text: str) -> datetime:
    """Return the time of a field. Without a time zone, as browsers write it, it is in UTC.

    Raises:
        ValueError: it is not a time.
    """
    moment = datetime.fromisoformat(text)
    return MOMENT.validate_python(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "endpoint_id": (NAME.validate_python, "This is not the id of a webhook."),
    "state": (DeliveryState, "Choose one of the states."),
    "last_status": (StatusClass, "Choose one of the answers."),
    "event_type": (EVENT_TYPE.validate_python, "This is not an event type, such as loan.funded."),
    "event_id": (NAME.validate_python, "This is not the id of an event."),
    "since": (utc_moment, "Write a time such as 2026-01-15T10:30."),
    "until": (utc_moment, "Write a time such as 2026-01-15T10:30."),
}
"""How each field is read, and what its fault is."""


@dataclass(frozen=True)
class LogFilters:
    """What was typed, what it means, and which fields have faults."""

    typed: Mapping[str, str]
    wanted: DeliveryFilter
    faults: Mapping[str, str]

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> "LogFilters":
        """Read the fields of the form. Empty fields are no filters."""
        typed = {name: fields.get(name, "").strip() for name in READERS}
        wanted: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for name, text in typed.items():
            read, fault = READERS[name]
            if not text:
                continue
            try:
                wanted[name] = read(text)
            except (ValueError, ValidationError):
                faults[name] = fault
        return cls(typed, DeliveryFilter(**wanted), faults)

    @property
    def are_set(self) -> bool:
        """Whether anything was typed."""
        return any(self.typed.values())

    def path(self, cursor: str | None) -> str:
        """Return the path of the page of these filters that begins at a cursor."""
        fields = {name: text for name, text in {**self.typed, "cursor": cursor}.items() if text}
        return f"/portal/deliveries?{urlencode(fields)}"
