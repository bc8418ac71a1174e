"""Attempts counted over a rolling hour and a rolling day, in a few bytes."""

from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from hookwright.times import Timestamp

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS = 12
"""A span is kept in so many steps: the hour is exact to 5 minutes, the day to two hours."""


class Step(BaseModel):
    """What was attempted in one step of a span."""

    start: Timestamp
    delivered: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0)


class Counts(BaseModel):
    """Attempts by outcome."""

    hour: list[Step] = []
    day: list[Step] = []

    def add(self, now: datetime, delivered: int = 0, failed: int = 0) -> None:
        """Count attempts that have just been made."""
        for steps, span in ((self.hour, HOUR), (self.day, DAY)):
            width = span / STEPS
            start = now - (now - datetime.min.replace(tzinfo=now.tzinfo)) % width
            if not steps or steps[-1].start < start:
                steps.append(Step(start=start))
            steps[-1].delivered += delivered
            steps[-1].failed += failed
            steps[:] = [step for step in steps if step.start > now - span]

    def last_hour(self, now: datetime) -> tuple[int, int]:
        """Return how many attempts delivered and failed in the last hour."""
        return _sum(self.hour, now - HOUR)

    def last_day(self, now: datetime) -> tuple[int, int]:
        """Return how many attempts delivered and failed in the last day."""
        return _sum(self.day, now - DAY)


def _sum(steps: list[Step], since: datetime) -> tuple[int, int]:
    recent = [step for step in steps if step.start > since]
    return sum(step.delivered for step in recent), sum(step.failed for step in recent)
