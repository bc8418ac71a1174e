"""How long and how often an endpoint has been failing, held against the rule."""

from datetime import datetime
from http import HTTPStatus

from pydantic import BaseModel

from hookwright.counts import Counts
from hookwright.deactivation import DeactivationRule, DisabledReason
from hookwright.outcomes import Outcome
from hookwright.times import Timestamp

WARN_AT_PERCENT = (50, 70, 90)


class Streak(BaseModel):
    """Failures since the last success. One success ends it: who flaps is not switched off."""

    failing_since: Timestamp | None = None
    failures: int = 0
    exhausted: int = 0
    last_failure_at: Timestamp | None = None
    warned_percent: int = 0

    def failed(self, now: datetime, at: datetime, *, exhausted: bool) -> None:
        """Count a failed attempt. `at` is the worker's clock, `now` the endpoint's."""
        self.failing_since = self.failing_since or now
        self.failures += 1
        self.exhausted += exhausted
        self.last_failure_at = at

    def breach(
        self,
        rule: DeactivationRule,
        outcome: Outcome,
        status_code: int | None,
        counts: Counts,
        now: datetime,
    ) -> DisabledReason | None:
        """Return which rule the latest failure has broken, or None."""
        if outcome is Outcome.BLOCKED_DESTINATION:
            return DisabledReason.BLOCKED_DESTINATION
        if rule.gone and status_code == HTTPStatus.GONE:
            return DisabledReason.GONE
        shares = self._shares(rule, counts, now)
        return next((reason for reason, share in shares.items() if share >= 1), None)

    def new_warning(self, rule: DeactivationRule, counts: Counts, now: datetime) -> int | None:
        """Return the percentage of the way to be warned of, each once in a streak, or None."""
        percent = 100 * max(self._shares(rule, counts, now).values(), default=0.0)
        reached = max((each for each in WARN_AT_PERCENT if each <= percent), default=0)
        if reached <= self.warned_percent:
            return None
        self.warned_percent = reached
        return reached

    def _shares(
        self, rule: DeactivationRule, counts: Counts, now: datetime
    ) -> dict[DisabledReason, float]:
        """Return how far towards each limit this has come; 1 is there."""
        shares = {}
        if rule.exhausted_in_a_row:
            shares[DisabledReason.EXHAUSTED] = self.exhausted / rule.exhausted_in_a_row
        if rule.failing_for_seconds and self.failing_since:
            failing = (now - self.failing_since).total_seconds()
            shares[DisabledReason.FAILING_TOO_LONG] = failing / rule.failing_for_seconds
        if limit := rule.failure_rate:
            delivered, failed = (
                counts.last_hour(now) if limit.over == "hour" else counts.last_day(now)
            )
            enough = min(1.0, (delivered + failed) / limit.at_least)
            share = failed / max(1, delivered + failed)
            shares[DisabledReason.FAILURE_RATE] = enough * min(1.0, share / limit.share)
        return shares
