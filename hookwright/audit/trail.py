"""The trail itself: the latest entries, and how many were dropped."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from hookwright.audit.changed_fields import OF_PEOPLE, AuditedField
from hookwright.sizes import MAX_AUDIT_BYTES
from hookwright.times import Timestamp

MAX_AUDIT_ENTRIES = 100
MAX_ACTOR, MAX_REQUEST_ID, MAX_SUBJECT = 200, 128, 200
"""Characters."""

Actor = Annotated[str | None, Field(max_length=MAX_ACTOR)]
"""Who asked for a change: `operator:ops`, `tenant_key`, `token:tok_...`, `portal:...`."""


class AuditAction(StrEnum):
    """What was done to a tenant or an endpoint, or asked for.

    Hookwright itself does what `disabled` and `recovered` say; callers ask for all others.
    """

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    PAUSED = "paused"
    RESUMED = "resumed"
    DISABLED = "disabled"
    RECOVERED = "recovered"
    SECRET_ROTATED = "secret_rotated"  # noqa: S105 - not a secret
    TOKENS_REVOKED = "tokens_revoked"
    DELIVERY_RETRIED = "delivery_retried"
    DELIVERY_CANCELLED = "delivery_cancelled"
    RECOVERY_STARTED = "recovery_started"
    RECOVERY_PAUSED = "recovery_paused"
    RECOVERY_RESUMED = "recovery_resumed"
    RECOVERY_CANCELLED = "recovery_cancelled"


REPEATABLE = (AuditAction.DELIVERY_RETRIED, AuditAction.DELIVERY_CANCELLED)
"""What programs ask for by the thousand. In a row it is one entry, so that it drops no others."""


class AskedBy(BaseModel):
    """Who asked for something, and in which request. Both are null if that is not known."""

    by: Actor = None
    request_id: Annotated[str | None, Field(max_length=MAX_REQUEST_ID)] = None


class AuditNote(AskedBy):
    """The argument of an endpoint's signal `note`: what was asked for beside its own updates.

    `subject` is the id of the delivery or recovery.
    """

    action: AuditAction
    subject: str = Field(max_length=MAX_SUBJECT)


class AuditEntry(AskedBy):
    """One entry: who did what, and when.

    `number` counts the entries of this tenant or endpoint from 1 on. `times` is how often the same
    caller asked for the same in a row, from `first_at` until `at`; `subject` is the latest.
    """

    number: int
    at: Timestamp
    action: AuditAction
    changes: list[AuditedField] = []
    subject: str | None = None
    times: int = 1
    first_at: Timestamp | None = None

    def repeated(self, at: datetime, asked: AskedBy, subject: str | None) -> Self:
        """Return this entry after the same was asked for once more."""
        return self.model_copy(
            update={
                "at": at,
                "request_id": asked.request_id,
                "subject": subject,
                "times": self.times + 1,
                "first_at": self.first_at or self.at,
            }
        )


class AuditTrail(BaseModel):
    """The latest entries, the oldest first. `made` counts those that were dropped as well."""

    made: int = 0
    latest: list[AuditEntry] = []

    @property
    def dropped(self) -> int:
        """How many entries there were once that are not kept any more."""
        return self.made - len(self.latest)

    def with_entry(
        self,
        at: datetime,
        action: AuditAction,
        asked: AskedBy,
        *,
        changes: Sequence[AuditedField] = (),
        subject: str | None = None,
    ) -> "AuditTrail":
        """Return the trail with one more entry, without the oldest ones that have no room."""
        last = self.latest[-1] if self.latest else None
        if last and action in REPEATABLE and (last.action, last.by) == (action, asked.by):
            kept = [*self.latest[:-1], last.repeated(at, asked, subject)]
            return AuditTrail(made=self.made, latest=kept)
        entry = AuditEntry(
            number=self.made + 1,
            at=at,
            action=action,
            by=asked.by,
            request_id=asked.request_id,
            changes=list(changes),
            subject=subject,
        )
        latest = [*self.latest, entry][-MAX_AUDIT_ENTRIES:]
        trail = AuditTrail(made=entry.number, latest=latest)
        while len(trail.model_dump_json().encode()) > MAX_AUDIT_BYTES:
            del trail.latest[0]
        return trail

    def without_people(self) -> "AuditTrail":
        """Return the trail without what it tells of people, for a tenant that is deleted."""
        latest = [
            entry.model_copy(
                update={
                    "changes": [
                        change.without_values() if change.field in OF_PEOPLE else change
                        for change in entry.changes
                    ]
                }
            )
            for entry in self.latest
        ]
        return AuditTrail(made=self.made, latest=latest)

    @model_serializer(mode="wrap")
    def _shortly(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is not set: most entries have four facts."""
        written: dict[str, Any] = serialize(self)
        for row in written.get("latest", ()):
            for name in ("by", "request_id", "subject", "first_at"):
                if row[name] is None:
                    del row[name]
            if not row["changes"]:
                del row["changes"]
            if row["times"] == 1:
                del row["times"]
        return written
