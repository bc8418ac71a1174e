"""Attempts counted over a rolling hour and a rolling day, in a few bytes."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from hookwright.health.latencies import bucket_of, merged
from hookwright.outcomes import Outcome
from hookwright.times import Timestamp

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS = 12
"""A span is kept in so many steps: the hour is exact to 5 minutes, the day to two hours."""


class Figures(BaseModel):
    """Attempts: how many delivered and failed, the failed by outcome, and how long all took."""

    delivered: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0)
    faults: Counter[Outcome] = Counter()
    latencies: list[int] = []

    @model_serializer(mode="wrap")
    def _without_zeros(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Keep the memo short: there are two dozen of these in it."""
        return {name: value for name, value in write(self).items() if value}

    def add_one(self, outcome: Outcome, duration_ms: int | None) -> None:
        """Count one attempt. Done a thousand times in a row, so in place."""
        if outcome is Outcome.DELIVERED:
            self.delivered += 1
        else:
            self.failed += 1
            self.faults[outcome] += 1
        if duration_ms is not None:
            bucket, latencies = bucket_of(duration_ms), self.latencies
            latencies.extend([0] * (bucket + 1 - len(latencies)))
            latencies[bucket] += 1

    def add(self, more: "Figures") -> None:
        """Count these, too."""
        self.delivered += more.delivered
        self.failed += more.failed
        self.faults.update(more.faults)
        self.latencies = merged(self.latencies, more.latencies)


class Step(Figures):
    """What was attempted in one step of a span."""

    start: Timestamp


class Counts(BaseModel):
    """Attempts, by the step in which they were told of."""

    hour: list[Step] = []
    day: list[Step] = []

    def add(self, now: datetime, attempts: Figures) -> None:
        """Count attempts that have just been made."""
        for step in self._current(now):
            step.add(attempts)

    def add_one(self, now: datetime, outcome: Outcome, duration_ms: int | None) -> None:
        """Count one attempt that has just been made."""
        for step in self._current(now):
            step.add_one(outcome, duration_ms)

    def _current(self, now: datetime) -> tuple[Step, Step]:
        """Return the steps of hour and day in which we are, and let go what is too old."""
        return _last(self.hour, now, HOUR), _last(self.day, now, DAY)

    def last_hour(self, now: datetime, since: datetime | None = None) -> tuple[int, int]:
        """Return how many delivered and failed in the last hour, or in steps begun `since`."""
        return _sum(self.hour, max(now - HOUR, since or now - HOUR))

    def last_day(self, now: datetime, since: datetime | None = None) -> tuple[int, int]:
        """Return the same of the last day."""
        return _sum(self.day, max(now - DAY, since or now - DAY))

    def total(self, now: datetime, span: timedelta) -> Step:
        """Return what was attempted in the last HOUR or DAY, and since when exactly."""
        total = Step(start=_begin(now - span, span) + span / STEPS)
        for step in self.hour if span == HOUR else self.day:
            if step.start >= total.start:
                total.add(step)
        return total


def success_rate(delivered: int, failed: int) -> float | None:
    """Return the share of attempts that delivered; None of none."""
    attempts = delivered + failed
    return round(delivered / attempts, 4) if attempts else None


def _begin(moment: datetime, span: timedelta) -> datetime:
    """Return when the step of a span begins in which a moment lies."""
    return moment - (moment - datetime.min.replace(tzinfo=moment.tzinfo)) % (span / STEPS)


def _last(steps: list[Step], now: datetime, span: timedelta) -> Step:
    if not steps or now >= steps[-1].start + span / STEPS:
        steps.append(Step(start=_begin(now, span)))
        steps[:] = [step for step in steps if step.start > now - span]
    return steps[-1]


def _sum(steps: list[Step], since: datetime) -> tuple[int, int]:
    recent = [step for step in steps if step.start > since]
    return sum(step.delivered for step in recent), sum(step.failed for step in recent)
