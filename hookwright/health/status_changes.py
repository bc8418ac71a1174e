"""Status changes: a short history of what happened to an endpoint, why, and by whom."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from hookwright.contracts import DisabledReason
from hookwright.outcomes import EndpointStatus
from hookwright.times import Timestamp

MAX_STATUS_CHANGES = 50
MAX_CHANGE_ERROR, MAX_CHANGE_BY = 100, 80
"""Characters."""

MAX_HISTORY_BYTES = 12_288
"""The whole history as JSON. It is in a memo of its own, beside that which attempts read."""


class StatusChangeKind(StrEnum):
    """What happened to an endpoint.

    `created`, `paused` and `resumed` are what people do. `warned`: it came nearer to being
    disabled. `disabled`: a limit of its rule was reached. `recovered`: it delivered again after a
    warning, or a probe found it working.
    """

    CREATED = "created"
    WARNED = "warned"
    DISABLED = "disabled"
    PAUSED = "paused"
    RESUMED = "resumed"
    RECOVERED = "recovered"


class StatusChange(BaseModel):
    """One change: what happened, the status since then, and why.

    `reason` is the rule that disabled the endpoint, also at the end of that. `percent` is how much
    of a rule's limit was reached at a warning. `by` is who did it, if it was a person.
    """

    at: Timestamp
    change: StatusChangeKind
    status: EndpointStatus
    reason: DisabledReason | None = None
    percent: int | None = None
    last_error: str | None = None
    by: str | None = None


class StatusChanges(BaseModel):
    """The latest changes, the oldest first. `made` counts those that were dropped as well."""

    made: int = 0
    latest: list[StatusChange] = Field(default=[])

    def add(
        self,
        at: datetime,
        change: StatusChangeKind,
        status: EndpointStatus,
        *,
        last_error: str | None = None,
        by: str | None = None,
        **facts: object,
    ) -> None:
        """Add a change, and drop the oldest ones if there are too many, or they are too long."""
        self.made += 1
        added = StatusChange.model_validate(
            {
                "at": at,
                "change": change,
                "status": status,
                "last_error": last_error and last_error[:MAX_CHANGE_ERROR],
                "by": by and by[:MAX_CHANGE_BY],
                **facts,
            }
        )
        self.latest = [*self.latest, added][-MAX_STATUS_CHANGES:]
        while len(self.model_dump_json().encode()) > MAX_HISTORY_BYTES:
            del self.latest[0]

    @model_serializer(mode="wrap")
    def _without_nulls(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out nulls, so that the memo stays short: most changes have only two facts."""
        written: dict[str, Any] = serialize(self)
        rows = written["latest"]
        written["latest"] = [{k: v for k, v in row.items() if v is not None} for row in rows]
        return written

    @property
    def warned(self) -> bool:
        """Whether the latest change is a warning, so that a success is news."""
        return bool(self.latest) and self.latest[-1].change is StatusChangeKind.WARNED

    @property
    def begins(self) -> bool:
        """Whether all changes are there, from the creation on."""
        return bool(self.latest) and self.latest[0].change is StatusChangeKind.CREATED

    def since_creation(self, created_at: datetime | None) -> list[tuple[int, StatusChange]]:
        """Return the changes with their numbers, the oldest first.

        An endpoint that was created before there was a history has no entry of its creation, so
        one is made from the time that it remembers.
        """
        first = self.made - len(self.latest) + 1
        numbered = list(enumerate(self.latest, start=first))
        if first == 1 and not self.begins and created_at:
            created = StatusChange(
                at=created_at, change=StatusChangeKind.CREATED, status=EndpointStatus.ACTIVE
            )
            numbered.insert(0, (0, created))
        return numbered
