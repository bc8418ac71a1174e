"""How long and how often an endpoint has been failing, held against the rule."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from hookwright.contracts import DeactivationRule, DisabledReason
from hookwright.outcomes import Outcome
from hookwright.times import Timestamp

WARN_AT_PERCENT = (50, 70, 90)

RATE_WARNING_HOLDS = timedelta(hours=1)
"""One success ends a streak, and not a rate: who flaps would be warned at each failure."""


class Streak(BaseModel):
    """Failures since the last success. One success ends it: who flaps is not switched off."""

    failing_since: Timestamp | None = None
    failures: int = 0
    exhausted: int = 0
    last_failure_at: Timestamp | None = None
    warned_percent: int = 0
    rate_warned_at: Timestamp | None = None

    def failed(self, now: datetime, at: datetime, *, exhausted: bool) -> None:
        """Count a failed attempt. `at` is the worker's clock, `now` the endpoint's."""
        self.failing_since = self.failing_since or now
        self.failures += 1
        self.exhausted += exhausted
        self.last_failure_at = at

    def ended(self, now: datetime) -> "Streak":
        """Return what a success leaves."""
        if self.rate_warned_at and now < self.rate_warned_at + RATE_WARNING_HOLDS:
            return Streak(warned_percent=self.warned_percent, rate_warned_at=self.rate_warned_at)
        return Streak()

    def breach(
        self,
        rule: DeactivationRule,
        outcome: Outcome,
        status_code: int | None,
        lately: tuple[int, int],
        now: datetime,
    ) -> DisabledReason | None:
        """Return which rule the latest failure has broken, or None.

        `lately` is what a failure rate is held against: how many delivered, and how many failed.
        """
        if outcome is Outcome.BLOCKED_DESTINATION:
            return DisabledReason.BLOCKED_DESTINATION
        if rule.is_gone(status_code):
            return DisabledReason.GONE
        shares = self._shares(rule, lately, now)
        return next((reason for reason, share in shares.items() if share >= 1), None)

    def new_warning(
        self, rule: DeactivationRule, lately: tuple[int, int], now: datetime
    ) -> int | None:
        """Return the percentage of the way to be warned of, each once in a streak, or None."""
        shares = self._shares(rule, lately, now)
        percent = 100 * max(shares.values(), default=0.0)
        reached = max((each for each in WARN_AT_PERCENT if each <= percent), default=0)
        if reached <= self.warned_percent:
            return None
        self.warned_percent = reached
        if 100 * shares.get(DisabledReason.FAILURE_RATE, 0.0) >= reached:
            self.rate_warned_at = now
        return reached

    def _shares(
        self, rule: DeactivationRule, lately: tuple[int, int], now: datetime
    ) -> dict[DisabledReason, float]:
        """Return how far towards each limit this has come; 1 is there."""
        shares = {}
        if rule.exhausted_in_a_row:
            shares[DisabledReason.EXHAUSTED] = self.exhausted / rule.exhausted_in_a_row
        if rule.failing_for_seconds and self.failing_since:
            failing = (now - self.failing_since).total_seconds()
            shares[DisabledReason.FAILING_TOO_LONG] = failing / rule.failing_for_seconds
        if limit := rule.failure_rate:
            delivered, failed = lately
            enough = min(1.0, (delivered + failed) / limit.at_least)
            share = failed / max(1, delivered + failed)
            shares[DisabledReason.FAILURE_RATE] = enough * min(1.0, share / limit.share)
        return shares
