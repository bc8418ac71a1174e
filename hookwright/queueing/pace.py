"""The pace of turns at a rate limit."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from hookwright.times import Timestamp

MAX_LATENESS = timedelta(seconds=1)
"""Turns that are given late are caught up with, but none that are later than this."""

CATCH_UP = 0.97
"""Two turns are at least this part of the interval apart, so any ten seconds have at most 3 % more
than the limit, and one more: the first."""


class QueuePace(BaseModel):
    """When the next turn may be given: the plan, and the time of the last turn."""

    planned_at: Timestamp | None = None
    last_at: Timestamp | None = None

    def next_at(self, now: datetime, interval: float) -> datetime:
        """Return when the next turn is due; `interval` is in seconds, perhaps a new one."""
        planned = self._planned(now, interval)
        if self.last_at is None:
            return planned
        return max(planned, self.last_at + timedelta(seconds=CATCH_UP * interval))

    def after_turn(self, at: datetime, interval: float) -> "QueuePace":
        """Return the pace after a turn at this time."""
        planned = self._planned(at, interval) + timedelta(seconds=interval)
        return QueuePace(planned_at=planned, last_at=at)

    def _planned(self, now: datetime, interval: float) -> datetime:
        planned = self.planned_at or now
        if self.last_at:  # the plan may be from a time when turns were further apart
            planned = min(planned, self.last_at + timedelta(seconds=interval))
        return max(planned, now - MAX_LATENESS)
