"""An endpoint's health: a state machine over the reports of workers, which is given the time.

The workflow `Endpoint` owns it. Attempts read the copy in the workflow's memo: whether they may be
made (`admits`), and whether a success needs a report of its own (`watched`).
"""

from datetime import datetime, timedelta

from pydantic import JsonValue

from hookwright.contracts import DeactivationRule, DisabledReason
from hookwright.health.counts import Figures
from hookwright.health.duties import Due, Duty, Turns
from hookwright.health.notices import delivery_facts, streak_facts
from hookwright.health.probing import STABLE_AFTER, shows_working_receiver, until_probe
from hookwright.health.record import HealthRecord
from hookwright.health.reports import Report, Reports
from hookwright.health.status_changes import StatusChangeKind
from hookwright.outcomes import DeliveryState, EndpointStatus, Outcome
from hookwright.times import rfc3339

SLOW_DOWN_STATUSES = (429, 502, 504)
"""HTTP statuses with which an overloaded receiver answers."""


class Health(HealthRecord):
    """What becomes of an endpoint by the reports of workers, by people, and as time goes by."""

    # What workers report.

    def take(self, reports: Reports, now: datetime) -> None:
        """Apply the reports of a signal. A repeated report is counted once.

        A repeated report still decides whether its delivery is held, because the last report of a
        delivery is the one that is true.
        """
        self._apply_tally(reports, now)
        rule = reports.rule or DeactivationRule()
        for report in reports.reports:
            repeated = report.key in self.known
            if report.delivery or not repeated:
                was_held, is_held = self.hold_statuses.change(report)
                self.queue.moved(now, was_held=was_held, is_held=is_held)
            if not repeated:
                self.known.add(report.key)
                self._apply(report, rule, now)

    def _apply_tally(self, reports: Reports, now: datetime) -> None:
        """Count the successes that have no report of their own."""
        if reports.delivered:
            tally = Figures(delivered=reports.delivered, latencies=reports.latencies)
            self.counts.add(now, tally)
        if at := reports.last_delivered_at:
            self.last_delivery_at = max(at, self.last_delivery_at or at)
            if self.streak.last_failure_at and at > self.streak.last_failure_at:
                self._end_streak(now)

    def _apply(self, report: Report, rule: DeactivationRule, now: datetime) -> None:
        if report.ended is DeliveryState.EXPIRED and not report.operational:
            self.notices.add("delivery.expired", now, **delivery_facts(report))
        if report.outcome:
            self.counts.add_one(now, report.outcome, report.duration_ms)
        if report.outcome is Outcome.DELIVERED:
            self._delivered(report, now)
        elif report.outcome:
            self._failed(report, rule, now)

    def _delivered(self, report: Report, now: datetime) -> None:
        self.last_delivery_at = max(report.at, self.last_delivery_at or report.at)
        self._end_streak(now)
        if report.probe and self.status is EndpointStatus.DISABLED:
            self._activate(now)

    def _end_streak(self, now: datetime) -> None:
        self.streak = self.streak.ended(now)
        if self.changes.warned:
            self.changes.add(now, StatusChangeKind.RECOVERED, self.status)

    def _failed(self, report: Report, rule: DeactivationRule, now: datetime) -> None:
        if (
            report.probe
            and self.status is EndpointStatus.DISABLED
            and not self.gone
            and shows_working_receiver(report.status_code)
        ):
            self._activate(now)
        if self.status is EndpointStatus.ACTIVE and (
            self.queue.draining_since
            or report.retry_after
            or report.status_code in SLOW_DOWN_STATUSES
        ):
            self.queue.slow_down(now, report.retry_after)
        if report.operational:
            return  # a failed notice must not cause further notices
        exhausted = report.ended is DeliveryState.EXHAUSTED
        self.streak.failed(now, report.at, exhausted=exhausted, error=report.error)
        if exhausted:
            self.notices.add("delivery.exhausted", now, **delivery_facts(report))
        self._check_rule(report, rule, now)

    def _check_rule(self, report: Report, rule: DeactivationRule, now: datetime) -> None:
        """Disable the endpoint, or warn its owner, if the deactivation rule requires it."""
        if (
            rule.is_gone(report.status_code)
            and self.status is EndpointStatus.DISABLED
            and not self.gone
        ):
            self._disable(DisabledReason.GONE, now)
        if self.status is not EndpointStatus.ACTIVE or not report.outcome:
            return
        recent = self._recent_attempts(rule, now)
        reason = self.streak.breach(rule, report.outcome, report.status_code, recent, now)
        if reason:
            self._disable(reason, now)
        elif percent := self.streak.new_warning(rule, recent, now):
            self.notices.add("endpoint.warned", now, percent=percent, **streak_facts(self.streak))
            error = self.streak.last_error
            self.changes.add(
                now, StatusChangeKind.WARNED, self.status, percent=percent, last_error=error
            )

    def _recent_attempts(self, rule: DeactivationRule, now: datetime) -> tuple[int, int]:
        """Return how many attempts delivered and failed, to compare with the rule's failure rate.

        Attempts before the last activation do not count: with the rate of the outage, the first
        failure of an endpoint that is active again would disable it again.
        """
        by_day = rule.failure_rate and rule.failure_rate.over == "day"
        count = self.counts.last_day if by_day else self.counts.last_hour
        return count(now, self.active_since)

    # Changes of status.

    def created(self, now: datetime, *, paused: bool, by: str | None = None) -> None:
        """Note the creation. A new endpoint may hold its deliveries from the first on."""
        if paused:
            self.status = EndpointStatus.PAUSED
        self.changes.add(now, StatusChangeKind.CREATED, self.status, by=by)
        self.notices.begin(now)

    def pause(self, now: datetime, by: str | None = None) -> bool:
        """Hold deliveries, because a person asked for it; return whether that is new."""
        is_new = self.status is not EndpointStatus.PAUSED
        if is_new:
            reason = self.disabled_reason
            self.changes.add(
                now, StatusChangeKind.PAUSED, EndpointStatus.PAUSED, reason=reason, by=by
            )
        self.status, self.disabled_reason, self.next_probe_at = EndpointStatus.PAUSED, None, None
        self.queue.stop()
        return is_new

    def resume(self, now: datetime, by: str | None = None) -> bool:
        """Deliver again, because a person asked for it, and release the held deliveries.

        Return whether anything held them.

        For an active endpoint this ends the pause that its receiver asked for, which may last a
        day.
        """
        if self.status is not EndpointStatus.ACTIVE:
            self._activate(now, StatusChangeKind.RESUMED, by)
            self.probes = 0
        elif self.queue.throttled_until:
            self.queue.pauses = 0
            self.queue.drain(now)
        else:
            return False
        return True

    def probe_soon(self, now: datetime) -> None:
        """Probe at once, because a change of the endpoint may have repaired it."""
        if self.status is EndpointStatus.DISABLED and not self.gone:
            self.next_probe_at = now

    def _disable(self, reason: DisabledReason, now: datetime) -> None:
        if not self.active_since or now - self.active_since > max(
            STABLE_AFTER, until_probe(self.probes)
        ):
            self.probes = 0
        self.status, self.disabled_reason = EndpointStatus.DISABLED, reason
        self.queue.stop()
        self.next_probe_at = None if self.gone else now + until_probe(self.probes)
        self.notices.add(
            "endpoint.disabled",
            now,
            reason=reason,
            next_probe_at=rfc3339(self.next_probe_at) if self.next_probe_at else None,
            **streak_facts(self.streak),
        )
        error = self.streak.last_error
        self.changes.add(
            now, StatusChangeKind.DISABLED, self.status, reason=reason, last_error=error
        )

    def _activate(
        self,
        now: datetime,
        change: StatusChangeKind = StatusChangeKind.RECOVERED,
        by: str | None = None,
    ) -> None:
        self.changes.add(now, change, EndpointStatus.ACTIVE, reason=self.disabled_reason, by=by)
        if self.status is EndpointStatus.DISABLED:
            facts: dict[str, JsonValue] = {"reason": self.disabled_reason, "held": self.queue.held}
            self.notices.add("endpoint.recovered", now, self.streak.last_error, **facts)
        self.status, self.disabled_reason, self.next_probe_at = EndpointStatus.ACTIVE, None, None
        self.active_since = now
        self.streak = self.streak.restarted()
        self.queue.drain(now)

    # Duties: which one is due, and their results.

    def due(self, now: datetime, turns: Turns | None = None) -> Due | None:
        """Return the duty whose turn it is, or the one that is due first, and when."""
        duties = {
            Duty.ANNOUNCE: None if self.announced is self.status else now,
            Duty.NOTIFY: now if self.notices.waiting else None,
            Duty.COUNT: self.queue.next_count_at,
        }
        if self.status is EndpointStatus.ACTIVE:
            duties[Duty.RELEASE] = self.queue.release_due_at(now)
        if self.queue.held:
            duties[Duty.EXPIRE] = self.queue.next_expiry_at
            if probe_at := self.next_probe_at:
                search_at = self.queue.next_release_at or probe_at
                duties[Duty.PROBE] = max(probe_at, search_at)
            if self.gone:
                duties[Duty.CANCEL_HELD] = self.queue.next_release_at or now
        return (turns or Turns()).first({duty: at for duty, at in duties.items() if at}, now)

    def begin_release(self, now: datetime) -> bool:
        """Return whether deliveries are held. If not, new ones are attempted at once again."""
        if self.queue.throttled_until:
            self.queue.drain(now)
        if not self.queue.held:
            self.queue.open()
            return False
        return True

    def release_pace(self, top_pace: float) -> float:
        """Return how many held deliveries to release a second."""
        return self.queue.release_pace(top_pace)

    def released(self, now: datetime, found: int, top_pace: float) -> None:
        """Note that this many held deliveries were found and released."""
        self.queue.released(now, found, top_pace)

    def probed(self, now: datetime, *, found: bool) -> None:
        """Note that a held delivery was released to probe the endpoint, or that none was found."""
        if self.status is EndpointStatus.DISABLED and not self.gone:
            self.queue.released(now, found, top_pace=1)
            self.probes += found
            if found:
                self.next_probe_at = now + until_probe(self.probes)

    def held_cancelled(self, now: datetime, number: int) -> None:
        """Note that this many held deliveries of an endpoint that is gone were cancelled."""
        self.queue.cancelled(now, number)

    def expiry_checked(self, now: datetime, next_in_seconds: float) -> None:
        """Note that deliveries held for too long have expired, and when to check again."""
        self.queue.next_expiry_at = now + timedelta(seconds=next_in_seconds)

    @property
    def held_moved_at(self) -> datetime | None:
        """When the number of held deliveries last changed."""
        return self.queue.last_moved_at

    def counted(self, now: datetime, found: int, moved_at: datetime | None) -> None:
        """Apply the number of held deliveries that visibility shows.

        It is ignored if `held` has changed since the count began: `moved_at` is the last change
        before that.
        """
        if self.queue.last_moved_at == moved_at and self.queue.counted(now, found):
            self.hold_statuses.forget()
