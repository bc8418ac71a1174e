"""An endpoint's health: what workers report, and what follows from it. Pure: time is given.

`Endpoint` owns one. Attempts read the copy in its memo: whether they may be made (`admits`), and
whether a success is worth a report of its own (`watched`).
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, JsonValue, PrivateAttr

from hookwright.contracts import DeactivationRule, DisabledReason
from hookwright.health.counts import Counts, Figures
from hookwright.health.duties import Due, Duty, Turns
from hookwright.health.probing import WELL_AFTER, shows_life, until_probe
from hookwright.health.queue import Holding
from hookwright.health.reports import Notice, Release, Report, Reports
from hookwright.health.standings import Standings
from hookwright.health.streak import Streak
from hookwright.outcomes import DeliveryState, EndpointStatus, Outcome
from hookwright.times import Timestamp, rfc3339

SLOWS_DOWN = (429, 502, 504)

REMEMBERED = 5_000
"""Reports known by key: almost a minute of an endpoint that fails a hundred times a second."""

MOST_WAITING = 1_000
"""Notices that wait to be published, but for one or so of each type that counts the others."""


class Colour(StrEnum):
    """Health at a glance.

    Green delivers; yellow had failures in the last hour; red is disabled, or fails now and did
    most of the hour.
    """

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Health(BaseModel):
    """Status, streak of failures, counts, queue; and what is still to be told.

    `announced` is the status that the tenant's route table knows; a new one makes events that are
    accepted from then on meet it. None: what the table knows is uncertain. The first so many
    `notices` that are `publishing` do not change any more, for some may be published. `known` are
    the keys of the latest reports.
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
    publishing: int = 0
    known: list[str] = []
    standings: Standings = Standings()

    _known: set[str] = PrivateAttr(default_factory=set)

    def model_post_init(self, _: Any) -> None:  # noqa: ANN401 - so pydantic calls it
        """Have at hand which keys are known: a search of the list for each report is too slow."""
        self._known = {*self.known}

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
        private = {"notices": [], "publishing": 0, "known": [], "standings": Standings()}
        return self.model_copy(update=private)

    # What workers report.

    def take(self, reports: Reports, now: datetime) -> None:
        """Let a signal's reports count, each once; where its delivery stands, the last one says."""
        self._tally(reports, now)
        known, rule = self._known, reports.rule or DeactivationRule()
        for report in reports.reports:
            repeated = report.key in known
            if report.delivery or not repeated:
                was_held, is_held = self.standings.change(report)
                self.holding.moved(now, was_held=was_held, is_held=is_held)
            if not repeated:
                known.add(report.key)
                self.known.append(report.key)
                self._take(report, rule, now)
        known.difference_update(self.known[:-REMEMBERED])
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
        if report.ended is DeliveryState.EXPIRED and not report.operational:
            self._tell("delivery.expired", **_facts(report))
        if report.outcome:
            self.counts.add_one(now, report.outcome, report.duration_ms)
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
        if (
            report.probe
            and self.status is EndpointStatus.DISABLED
            and not self.gone
            and shows_life(report.status_code)
        ):
            self._activate(now)
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
        """Deliver again, at a person's wish, and let go what waits.

        On an active endpoint it ends the quiet that a receiver has asked for, a day of it perhaps.
        """
        if self.status is not EndpointStatus.ACTIVE:
            self._activate(now)
            self.probes = 0
        elif self.holding.throttled_until:
            self.holding.pauses = 0
            self.holding.drain(now)

    def try_soon(self, now: datetime) -> None:
        """Probe at once: the endpoint was changed, perhaps mended."""
        if self.status is EndpointStatus.DISABLED and not self.gone:
            self.next_probe_at = now

    def _disable(self, reason: DisabledReason, now: datetime) -> None:
        if not self.active_since or now - self.active_since > max(
            WELL_AFTER, until_probe(self.probes)
        ):
            self.probes = 0
        self.status, self.disabled_reason = EndpointStatus.DISABLED, reason
        self.holding.stop()
        self.next_probe_at = None if self.gone else now + until_probe(self.probes)
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

    # Duties.

    def due(self, now: datetime, turns: Turns | None = None) -> Due | None:
        """Return whose turn it is, or what is due first, and when."""
        duties = {
            Duty.ANNOUNCE: None if self.announced is self.status else now,
            Duty.TELL: now if self.notices else None,
            Duty.COUNT: self.holding.next_count_at,
        }
        if self.status is EndpointStatus.ACTIVE:
            duties[Duty.RELEASE] = self.holding.release_due_at(now)
        if self.holding.held:
            duties[Duty.EXPIRE] = self.holding.next_expiry_at
            if probe_at := self.next_probe_at:
                look_at = self.holding.next_release_at or probe_at
                duties[Duty.PROBE] = max(probe_at, look_at)
            if self.gone:
                duties[Duty.END_HELD] = self.holding.next_release_at or now
        return (turns or Turns()).first({duty: at for duty, at in duties.items() if at}, now)

    def probed(self, now: datetime, *, found: bool) -> None:
        """Note that a held delivery was released to try the endpoint, or that none was found."""
        if self.status is EndpointStatus.DISABLED and not self.gone:
            self.holding.released(now, found, top_pace=1)
            self.probes += found
            if found:
                self.next_probe_at = now + until_probe(self.probes)

    def counted(self, now: datetime, found: int) -> None:
        """Take the number of held deliveries that visibility shows, nothing having moved since."""
        if self.holding.counted(now, found):
            self.standings.forget()

    def to_publish(self, number: int) -> list[Notice]:
        """Return the next notices, at most so many: the same again until they are `told`."""
        self.publishing = self.publishing or min(number, len(self.notices))
        return self.notices[: self.publishing]

    def told(self, number: int) -> None:
        """Forget notices that are published."""
        del self.notices[:number]
        self.publishing = max(0, self.publishing - number)

    def _tell(self, event_type: str, /, **data: JsonValue) -> None:
        if len(self.notices) >= MOST_WAITING:
            free = reversed(self.notices[self.publishing :])
            if newest := next((each for each in free if each.type == event_type), None):
                newest.more += 1
                return
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
