"""How long and how often an endpoint has been failing, compared with its deactivation rule."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from hookwright.contracts import DeactivationRule, DisabledReason
from hookwright.outcomes import Outcome
from hookwright.times import Timestamp

WARN_AT_PERCENT = (50, 70, 90)
"""The owner is warned when the failures reach these parts of a limit of the rule."""

RATE_WARNING_INTERVAL = timedelta(hours=1)
"""A warning about the failure rate is not repeated within this time. A success ends the streak but
hardly changes the rate, so an endpoint that fails now and then would be warned at each failure."""


class Streak(BaseModel):
    """Failures since the last success. One success ends the streak.

    So an endpoint that fails now and then is not disabled for a long streak. `has_exhausted`: a
    delivery was exhausted since the last success. An activation ends the streak but keeps this and
    `last_failure_at`.
    """

    failing_since: Timestamp | None = None
    failures: int = 0
    exhausted: int = 0
    has_exhausted: bool = False
    last_failure_at: Timestamp | None = None
    last_error: str | None = None
    warned_percent: int = 0
    rate_warned_at: Timestamp | None = None

    def failed(
        self, now: datetime, at: datetime, *, exhausted: bool, error: str | None = None
    ) -> None:
        """Count a failed attempt. `at` is the worker's clock, `now` the endpoint's."""
        self.last_error = error or self.last_error
        self.failing_since = self.failing_since or now
        self.failures += 1
        self.exhausted += exhausted
        self.has_exhausted = self.has_exhausted or exhausted
        self.last_failure_at = at

    @property
    def ran_out(self) -> bool:
        """Whether a delivery was exhausted since the last success.

        Streaks that were stored before there was `has_exhausted` tell it by their count.
        """
        return self.has_exhausted or self.exhausted > 0

    def restarted(self) -> "Streak":
        """Return the streak after an activation, which is no success."""
        return Streak(has_exhausted=self.ran_out, last_failure_at=self.last_failure_at)

    def ended(self, now: datetime) -> "Streak":
        """Return the streak after a success. A recent warning about the rate is remembered."""
        if self.rate_warned_at and now < self.rate_warned_at + RATE_WARNING_INTERVAL:
            return Streak(warned_percent=self.warned_percent, rate_warned_at=self.rate_warned_at)
        return Streak()

    def breach(
        self,
        rule: DeactivationRule,
        outcome: Outcome,
        status_code: int | None,
        recent: tuple[int, int],
        now: datetime,
    ) -> DisabledReason | None:
        """Return the reason to disable the endpoint after the latest failure, or None.

        `recent` is how many recent attempts delivered and how many failed, for the failure rate.
        """
        if outcome is Outcome.BLOCKED_DESTINATION:
            return DisabledReason.BLOCKED_DESTINATION
        if rule.is_gone(status_code):
            return DisabledReason.GONE
        progress = self._progress(rule, recent, now)
        return next((reason for reason, part in progress.items() if part >= 1), None)

    def new_warning(
        self, rule: DeactivationRule, recent: tuple[int, int], now: datetime
    ) -> int | None:
        """Return the percentage of a limit to warn about, each once in a streak, or None."""
        progress = self._progress(rule, recent, now)
        percent = 100 * max(progress.values(), default=0.0)
        reached = max((step for step in WARN_AT_PERCENT if step <= percent), default=0)
        if reached <= self.warned_percent:
            return None
        self.warned_percent = reached
        if 100 * progress.get(DisabledReason.FAILURE_RATE, 0.0) >= reached:
            self.rate_warned_at = now
        return reached

    def _progress(
        self, rule: DeactivationRule, recent: tuple[int, int], now: datetime
    ) -> dict[DisabledReason, float]:
        """Return which part of each limit of the rule is reached; 1 is the whole limit."""
        progress = {}
        if rule.exhausted_in_a_row:
            progress[DisabledReason.EXHAUSTED] = self.exhausted / rule.exhausted_in_a_row
        if rule.failing_for_seconds and self.failing_since:
            failing_seconds = (now - self.failing_since).total_seconds()
            progress[DisabledReason.FAILING_TOO_LONG] = failing_seconds / rule.failing_for_seconds
        if limit := rule.failure_rate:
            delivered, failed = recent
            attempts = delivered + failed
            part_of_minimum = min(1.0, attempts / limit.at_least)
            part_of_rate = min(1.0, failed / max(1, attempts) / limit.share)
            progress[DisabledReason.FAILURE_RATE] = part_of_minimum * part_of_rate
        return progress
