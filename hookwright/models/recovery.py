"""A recovery: what it must resend, and its progress."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from hookwright.ids import Name
from hookwright.times import Moment, Timestamp

MAX_PER_SECOND = 100.0
"""Deliveries are started one after the other, in order. About 100 a second were measured."""


class RecoverySelection(StrEnum):
    """Which events a recovery delivers to an endpoint that has not received them.

    `failed`: deliveries that were exhausted or expired. `missing`: events that the endpoint would
    get today but has no delivery of, because it was added later, or its filter excluded them then.
    """

    FAILED = "failed"
    MISSING = "missing"


class RecoveryInput(BaseModel):
    """The argument of the `Recovery` workflow.

    It covers what began, or was due, from `since` on and before `until`.
    """

    tenant_id: Name
    endpoint_id: Name
    status: RecoverySelection
    since: Timestamp
    until: Timestamp
    per_second: float = Field(ge=0.1, le=MAX_PER_SECOND, allow_inf_nan=False)


class RecoveryProgress(BaseModel):
    """How many executions are to be checked, how many are, and the last one (time and run id).

    `unreadable` of those done could not be decrypted, or are not Hookwright's.
    """

    total: int | None = None
    done: int = 0
    unreadable: int = 0
    last_at: Moment | None = None
    last_run_id: str = ""
    complete: bool = False

    def after(self, at: datetime, run_id: str) -> "RecoveryProgress":
        """Return the progress after one more execution, which `total` may not have counted."""
        done = self.done + 1
        total = max(self.total or 0, done)
        return self.model_copy(
            update={"total": total, "done": done, "last_at": at, "last_run_id": run_id}
        )

    def is_past(self, at: datetime, run_id: str) -> bool:
        """Return whether this execution is done already.

        They are checked in the order of `hookwright.temporal.Order.OLDEST_DUE_FIRST`: by time, and
        those of the same time by their run ids, the highest first.
        """
        if self.last_at is None or at != self.last_at:
            return self.last_at is not None and at < self.last_at
        return run_id >= self.last_run_id


class RecoverInput(BaseModel):
    """The argument of the activity `recover`: what to recover, and the progress so far."""

    recovery: RecoveryInput
    progress: RecoveryProgress


class RecoveryView(BaseModel):
    """A recovery as its memo shows it.

    `progress` is from the last time it stopped; while it runs, its heartbeats are newer.
    """

    request: RecoveryInput
    paused: bool = False
    progress: RecoveryProgress = RecoveryProgress()
