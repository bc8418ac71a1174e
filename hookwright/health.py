"""An endpoint's health: what workers report, and what follows from it. Pure: time is given.

`Endpoint` owns one. Attempts read the copy in its memo: whether they may be made (`admits`), and
whether a success is worth a report of its own (`watched`).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, JsonValue

from hookwright.counts import Counts, Figures
from hookwright.deactivation import DeactivationRule, DisabledReason
from hookwright.holding import Holding
from hookwright.outcomes import DeliveryState, EndpointStatus, Outcome
from hookwright.reports import Notice, Release, Report, Reports
from hookwright.streak import Streak
from hookwright.times import Timestamp, rfc3339

PROBE_AFTER_SECONDS = (60, 300, 1_800, 7_200, 21_600, 86_400)
"""A disabled endpoint is tried after each of these in turn, and from then on every day."""

WELL_AFTER = timedelta(hours=1)
"""Who relapses sooner is probed where it left off: some forty status changes a day at most."""

SLOWS_DOWN = (429, 502, 504)

REMEMBERED = 5_000
"""Reports known by key: almost a minute of an endpoint that fails a hundred times a second."""


class Colour(StrEnum):
    """Health at a glance.

    Green delivers; yellow had failures in the last hour; red is disabled, or fails now and did
    most of the hour.
    """

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Duty(StrEnum):
    """What an endpoint must do beside answering updates."""

    TELL = "tell"
    ANNOUNCE = "announce"
    END_HELD = "end_held"
    PROBE = "probe"
    RELEASE = "release"
    EXPIRE = "expire"


class Due(NamedTuple):
    """A duty, and when it is due."""

    duty: Duty
    at: datetime


class Health(BaseModel):
    """Status, streak of failures, counts, queue; and what is still to be told.

    `announced` is the status that the tenant's route table knows; a new one makes events that are
    accepted from then on meet it. None: what the table knows is uncertain.
    """

    status: EndpointStatus = EndpointStatus.ACTIVE
    announced: EndpointStatus | None = EndpointStatus.ACTIVE
    disabled_reason: DisabledReason | None = None
    active_since: Timestamp | None = None
    next_probe_at: Timestamp | None = None
    probes: int = 0
    last_delivery_at: Timestamp | None = None
    streak: Streak = Streak()
    counts: Counts = Counts()
    holding: Holding = Holding()
    notices_made: int = 0
    notices: list[Notice] = []
    known: list[str] = []

    # What attempts and people read.

    def admits(self, release: Release | None) -> bool:
        """Tell whether a delivery, released so or not at all, may be attempted now."""
        if self.status is EndpointStatus.ACTIVE:
            return release is not None or not self.holding.queueing
        return release is Release.PROBE

    @property
    def gone(self) -> bool:
        """Whether deliveries end, instead of being held."""
        return self.disabled_reason is DisabledReason.GONE

    @property
    def watched(self) -> bool:
        """Whether a success changes anything."""
        return (
            self.status is not EndpointStatus.ACTIVE
            or self.streak.failures > 0
            or self.holding.queueing
            or self.holding.held > 0
        )

    def colour(self, now: datetime) -> Colour:
        """Return the health at a glance."""
        delivered, failed = self.counts.last_hour(now)
        failing = self.streak.failures > 0
        if self.status is EndpointStatus.DISABLED or (failing and failed > delivered):
            return Colour.RED
        return Colour.YELLOW if failing or failed else Colour.GREEN

    def public(self) -> "Health":
        """Return what the memo shows: without what only the endpoint itself needs."""
        return self.model_copy(update={"notices": [], "known": []})

    # What workers report.

    def take(self, reports: Reports, now: datetime) -> None:
        """Let a signal's reports count, each once."""
        self._tally(reports, now)
        known = {*self.known}
        for report in reports.reports:
            if report.key not in known:
                known.add(report.key)
                self.known.append(report.key)
                self._take(report, reports.rule or DeactivationRule(), now)
        del self.known[:-REMEMBERED]

    def _tally(self, reports: Reports, now: datetime) -> None:
        if reports.delivered:
            told = Figures(delivered=reports.delivered, latencies=reports.latencies)
            self.counts.add(now, told)
        if at := reports.last_delivered_at:
            self.last_delivery_at = max(at, self.last_delivery_at or at)
            if self.streak.last_failure_at and at > self.streak.last_failure_at:
                self.streak = self.streak.ended(now)

    def _take(self, report: Report, rule: DeactivationRule, now: datetime) -> None:
        was_held = report.was_held and report.attempted_as not in self.known
        self.holding.moved(now, was_held=was_held, is_held=report.is_held)
        if report.ended is DeliveryState.EXPIRED and not report.operational:
            self._tell("delivery.expired", **_facts(report))
        if report.outcome:
            self.counts.add(now, Figures.one(report.outcome, report.duration_ms))
        if report.outcome is Outcome.DELIVERED:
            self._delivered(report, now)
        elif report.outcome:
            self._failed(report, rule, now)

    def _delivered(self, report: Report, now: datetime) -> None:
        self.last_delivery_at = max(report.at, self.last_delivery_at or report.at)
        self.streak = self.streak.ended(now)
        if report.probe and self.status is EndpointStatus.DISABLED:
            self._activate(now)

    def _failed(self, report: Report, rule: DeactivationRule, now: datetime) -> None:
        if self.status is EndpointStatus.ACTIVE and (
            self.holding.draining_since or report.retry_after or report.status_code in SLOWS_DOWN
        ):
            self.holding.slow_down(now, report.retry_after)
        if report.operational:
            return  # else a notice of a notice of a notice
        exhausted = report.ended is DeliveryState.EXHAUSTED
        self.streak.failed(now, report.at, exhausted=exhausted)
        if exhausted:
            self._tell("delivery.exhausted", **_facts(report))
        self._judge(report, rule, now)

    def _judge(self, report: Report, rule: DeactivationRule, now: datetime) -> None:
        if (
            rule.is_gone(report.status_code)
            and self.status is EndpointStatus.DISABLED
            and not self.gone
        ):
            self._disable(DisabledReason.GONE, now)
        if self.status is not EndpointStatus.ACTIVE or not report.outcome:
            return
        lately = self._lately(rule, now)
        reason = self.streak.breach(rule, report.outcome, report.status_code, lately, now)
        if reason:
            self._disable(reason, now)
        elif percent := self.streak.new_warning(rule, lately, now):
            self._tell("endpoint.warned", percent=percent, **self._streak_facts())

    def _lately(self, rule: DeactivationRule, now: datetime) -> tuple[int, int]:
        """Return what a failure rate is held against: nothing from before it was active again.

        Else the first failure after a recovery would find the outage's rate, and disable it again.
        """
        by_day = rule.failure_rate and rule.failure_rate.over == "day"
        counted = self.counts.last_day if by_day else self.counts.last_hour
        return counted(now, self.active_since)

    # Changes of status.

    def pause(self) -> None:
        """Hold deliveries, at a person's wish."""
        self.status, self.disabled_reason, self.next_probe_at = EndpointStatus.PAUSED, None, None
        self.holding.stop()

    def resume(self, now: datetime) -> None:
        """Deliver again, at a person's wish, and let go what waits."""
        if self.status is not EndpointStatus.ACTIVE:
            self._activate(now)
            self.probes = 0

    def try_soon(self, now: datetime) -> None:
        """Probe at once: the endpoint was changed, perhaps mended."""
        if self.status is EndpointStatus.DISABLED and not self.gone:
            self.next_probe_at = now

    def _disable(self, reason: DisabledReason, now: datetime) -> None:
        if not self.active_since or now - self.active_since > max(WELL_AFTER, self._until_probe()):
            self.probes = 0
        self.status, self.disabled_reason = EndpointStatus.DISABLED, reason
        self.holding.stop()
        self.next_probe_at = None if self.gone else now + self._until_probe()
        self._tell(
            "endpoint.disabled",
            reason=reason,
            next_probe_at=rfc3339(self.next_probe_at) if self.next_probe_at else None,
            **self._streak_facts(),
        )

    def _activate(self, now: datetime) -> None:
        if self.status is EndpointStatus.DISABLED:
            self._tell("endpoint.recovered", reason=self.disabled_reason, held=self.holding.held)
        self.status, self.disabled_reason, self.next_probe_at = EndpointStatus.ACTIVE, None, None
        self.active_since = now
        self.streak = Streak()
        self.holding.drain(now)

    def _until_probe(self) -> timedelta:
        return timedelta(
            seconds=PROBE_AFTER_SECONDS[min(self.probes, len(PROBE_AFTER_SECONDS) - 1)]
        )

    # Duties.

    def due(self, now: datetime) -> "Due | None":
        """Return what is to be done first, and when."""
        if self.announced is not self.status:
            return Due(Duty.ANNOUNCE, now)
        if self.notices:
            return Due(Duty.TELL, now)
        duties: dict[Duty, datetime | None] = {}
        if self.status is EndpointStatus.ACTIVE:
            duties[Duty.RELEASE] = self.holding.release_due_at(now)
        if self.holding.held:
            duties[Duty.EXPIRE] = self.holding.next_expiry_at
            if probe_at := self.next_probe_at:
                look_at = self.holding.next_release_at or probe_at
                duties[Duty.PROBE] = max(probe_at, look_at)
            if self.gone:
                duties[Duty.END_HELD] = self.holding.next_release_at or now
        soonest = [Due(duty, at) for duty, at in duties.items() if at]
        return min(soonest, key=lambda due: due.at, default=None)

    def probed(self, now: datetime, *, found: bool) -> None:
        """Note that a held delivery was released to try the endpoint, or that none was found."""
        if self.status is EndpointStatus.DISABLED and not self.gone:
            self.holding.released(now, found, top_pace=1)
            self.probes += found
            if found:
                self.next_probe_at = now + self._until_probe()

    def told(self, number: int) -> None:
        """Forget notices that are published."""
        del self.notices[:number]

    def _tell(self, event_type: str, /, **data: JsonValue) -> None:
        self.notices_made += 1
        self.notices.append(Notice(number=self.notices_made, type=event_type, data=data))

    def _streak_facts(self) -> dict[str, JsonValue]:
        since = self.streak.failing_since
        return {
            "failing_since": rfc3339(since) if since else None,
            "consecutive_failures": self.streak.failures,
        }


def _facts(report: Report) -> dict[str, JsonValue]:
    return {
        "event_id": report.event_id,
        "event_type": report.event_type,
        "attempts": report.attempts,
        "last_outcome": report.outcome,
        "last_status_code": report.status_code,
    }
