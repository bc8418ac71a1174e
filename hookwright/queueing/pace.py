"""The pace of turns at a rate limit."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from hookwright.queueing.place import QueuePlace
from hookwright.times import Timestamp

MAX_LATENESS = timedelta(seconds=1)
"""Turns that are given late are caught up with, but none that are later than this."""

CATCH_UP = 0.97
"""Two turns are at least this part of the interval apart, so any ten seconds have at most 3 % more
than the limit, and one more: the first."""


WRONG_CLOCK = timedelta(minutes=1)
"""A last turn that lies further ahead than this was given by a worker whose clock was wrong."""


class QueuePace(BaseModel):
    """When the next turn may be given: the plan, the time of the last turn, and who had it."""

    planned_at: Timestamp | None = None
    last_at: Timestamp | None = None
    last_place: QueuePlace | None = None

    def next_at(self, now: datetime, interval: float) -> datetime:
        """Return when the next turn is due; `interval` is in seconds, perhaps a new one."""
        last_at, planned = self._last_at(now), self._planned(now, interval)
        if last_at is None:
            return planned
        return max(planned, last_at + timedelta(seconds=CATCH_UP * interval))

    def after_turn(
        self, at: datetime, interval: float, place: QueuePlace | None = None
    ) -> "QueuePace":
        """Return the pace after a turn at this time."""
        planned = self._planned(at, interval) + timedelta(seconds=interval)
        return QueuePace(planned_at=planned, last_at=at, last_place=place)

    def _planned(self, now: datetime, interval: float) -> datetime:
        last_at = self._last_at(now)
        if last_at is None:
            return now
        # The plan may be from a time when turns were further apart.
        planned = min(self.planned_at or now, last_at + timedelta(seconds=interval))
        return max(planned, now - MAX_LATENESS)

    def _last_at(self, now: datetime) -> datetime | None:
        """Return the time of the last turn, if it can be believed.

        The turns of a queue are given by one worker after another. The clock of one that is an hour
        ahead would let its queues stand still for an hour.
        """
        is_wrong = self.last_at and self.last_at > now + WRONG_CLOCK
        return None if is_wrong else self.last_at
