"""What a recovery is asked for, and how far it has come."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from hookwright.ids import Name
from hookwright.times import Moment, Timestamp

MAX_PER_SECOND = 100.0
"""Deliveries are started one after the other, in order; measured, that is some 100 a second."""


class RecoverySelection(StrEnum):
    """What an endpoint has not had.

    `failed`: deliveries that were exhausted, or expired. `missing`: events that it would get today,
    and of which it has no delivery: it was added later, or they were filtered out then.
    """

    FAILED = "failed"
    MISSING = "missing"


class RecoveryInput(BaseModel):
    """The argument of `Recovery`: what began, or was due, `since` then and before `until`."""

    tenant_id: Name
    endpoint_id: Name
    status: RecoverySelection
    since: Timestamp
    until: Timestamp
    per_second: float = Field(ge=0.1, le=MAX_PER_SECOND, allow_inf_nan=False)


class RecoveryProgress(BaseModel):
    """How many are to be looked at, how many were, and the last of them (time and run id).

    `unreadable` of those done could not be decrypted, or are none of ours.
    """

    total: int | None = None
    done: int = 0
    unreadable: int = 0
    last_at: Moment | None = None
    last_run_id: str = ""
    complete: bool = False

    def after(self, at: datetime, run_id: str) -> "RecoveryProgress":
        """Return the progress once this one is done, too: visibility may not have counted it."""
        done = self.done + 1
        total = max(self.total or 0, done)
        return self.model_copy(
            update={"total": total, "done": done, "last_at": at, "last_run_id": run_id}
        )

    def is_past(self, at: datetime, run_id: str) -> bool:
        """Tell whether this one is done, in the order of times."""
        return self.last_at is not None and (at, run_id) <= (self.last_at, self.last_run_id)


class RecoverInput(BaseModel):
    """The argument of the activity `recover`: what to recover, and how much of it is done."""

    recovery: RecoveryInput
    progress: RecoveryProgress


class RecoveryView(BaseModel):
    """A recovery as its memo shows it. `progress` is of the last rest; else see its heartbeats."""

    request: RecoveryInput
    paused: bool = False
    progress: RecoveryProgress = RecoveryProgress()
