"""Counts of attempts over a rolling hour and a rolling day, stored in a few bytes."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from hookwright.health.latencies import bucket_of, merged
from hookwright.outcomes import Outcome
from hookwright.times import Timestamp

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS = 12
"""The hour and the day are each divided into this many steps: of 5 minutes and of two hours."""


class Figures(BaseModel):
    """Counts of attempts: delivered, failed, failed by outcome, and the latencies of all."""

    delivered: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0)
    faults: Counter[Outcome] = Counter()
    latencies: list[int] = []

    @model_serializer(mode="wrap")
    def _without_zeros(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out zeros, so that the memo stays short: it holds two dozen of these."""
        return {name: value for name, value in serialize(self).items() if value}

    def add_one(self, outcome: Outcome, duration_ms: int | None) -> None:
        """Count one attempt. Changed in place, because a signal may bring a thousand attempts."""
        if outcome is Outcome.DELIVERED:
            self.delivered += 1
        else:
            self.failed += 1
            self.faults[outcome] += 1
        if duration_ms is not None:
            bucket, latencies = bucket_of(duration_ms), self.latencies
            latencies.extend([0] * (bucket + 1 - len(latencies)))
            latencies[bucket] += 1

    def add(self, other: "Figures") -> None:
        """Add the counts of other attempts."""
        self.delivered += other.delivered
        self.failed += other.failed
        self.faults.update(other.faults)
        self.latencies = merged(self.latencies, other.latencies)


class Step(Figures):
    """The attempts of one step of the hour or the day."""

    start: Timestamp


class Counts(BaseModel):
    """Counts of attempts by step. A step holds the attempts that were reported during it."""

    hour: list[Step] = []
    day: list[Step] = []

    def add(self, now: datetime, attempts: Figures) -> None:
        """Count attempts that have just been made."""
        for step in self._current_steps(now):
            step.add(attempts)

    def add_one(self, now: datetime, outcome: Outcome, duration_ms: int | None) -> None:
        """Count one attempt that has just been made."""
        for step in self._current_steps(now):
            step.add_one(outcome, duration_ms)

    def _current_steps(self, now: datetime) -> tuple[Step, Step]:
        """Return the current step of the hour and of the day, and drop steps that are too old."""
        return _current_step(self.hour, now, HOUR), _current_step(self.day, now, DAY)

    def last_hour(self, now: datetime, since: datetime | None = None) -> tuple[int, int]:
        """Return how many attempts delivered and failed in the last hour.

        With `since`, only steps that began after it count.
        """
        return _sum(self.hour, max(now - HOUR, since or now - HOUR))

    def last_day(self, now: datetime, since: datetime | None = None) -> tuple[int, int]:
        """Return how many attempts delivered and failed in the last day, as `last_hour` does."""
        return _sum(self.day, max(now - DAY, since or now - DAY))

    def total(self, now: datetime, span: timedelta) -> Step:
        """Return the attempts of the last HOUR or DAY. `start` is when its first step began."""
        total = Step(start=_step_start(now - span, span) + span / STEPS)
        for step in self.hour if span == HOUR else self.day:
            if step.start >= total.start:
                total.add(step)
        return total


def success_rate(delivered: int, failed: int) -> float | None:
    """Return the share of attempts that delivered, or None if there were no attempts."""
    attempts = delivered + failed
    return round(delivered / attempts, 4) if attempts else None


def _step_start(time: datetime, span: timedelta) -> datetime:
    """Return the start of the step in which a time lies."""
    return time - (time - datetime.min.replace(tzinfo=time.tzinfo)) % (span / STEPS)


def _current_step(steps: list[Step], now: datetime, span: timedelta) -> Step:
    if not steps or now >= steps[-1].start + span / STEPS:
        steps.append(Step(start=_step_start(now, span)))
        steps[:] = [step for step in steps if step.start > now - span]
    return steps[-1]


def _sum(steps: list[Step], since: datetime) -> tuple[int, int]:
    recent = [step for step in steps if step.start > since]
    return sum(step.delivered for step in recent), sum(step.failed for step in recent)
