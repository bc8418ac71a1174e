"""What is stored of an endpoint's health, and what attempts and people read of it."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from hookwright.contracts import DisabledReason
from hookwright.health.counts import Counts
from hookwright.health.hold_statuses import HoldStatuses
from hookwright.health.known_reports import KnownReports
from hookwright.health.notices import NoticeQueue
from hookwright.health.queue import HeldQueue
from hookwright.health.reports import Release
from hookwright.health.status_changes import StatusChanges
from hookwright.health.streak import Streak
from hookwright.outcomes import Colour, EndpointStatus
from hookwright.times import Timestamp


class HealthRecord(BaseModel):
    """An endpoint's status, streak of failures, counts and queue, and the notices to publish.

    `announced` is the status that was announced to the tenant's route table, so that events which
    are accepted from then on find it. None: it is uncertain whether the table has it. `known` are
    the keys of the latest reports. `changes` is the history of the status, which has a memo of its
    own.
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
    queue: HeldQueue = HeldQueue()
    notices: NoticeQueue = NoticeQueue()
    known: KnownReports = KnownReports()
    hold_statuses: HoldStatuses = HoldStatuses()
    changes: StatusChanges = StatusChanges()

    def admits(self, release: Release | None) -> bool:
        """Return whether a delivery with this release, or without one, may be attempted now."""
        if self.status is EndpointStatus.ACTIVE:
            return release is not None or not self.queue.queueing
        return release is Release.PROBE

    @property
    def is_open(self) -> bool:
        """Whether attempts may be made, if perhaps only behind held deliveries."""
        return self.status is EndpointStatus.ACTIVE and self.queue.throttled_until is None

    @property
    def gone(self) -> bool:
        """Whether the receiver said that it is gone for ever, so that deliveries are cancelled."""
        return self.disabled_reason is DisabledReason.GONE

    @property
    def watched(self) -> bool:
        """Whether a success changes the health, and so needs a report of its own."""
        return (
            self.status is not EndpointStatus.ACTIVE
            or self.streak.failures > 0
            or self.streak.ran_out
            or self.queue.queueing
            or self.queue.held > 0
        )

    @property
    def last_attempt_at(self) -> datetime | None:
        """When the last attempt was made that counts, whatever came of it."""
        ended = (self.last_delivery_at, self.streak.last_failure_at)
        return max((at for at in ended if at), default=None)

    def colour(self, now: datetime) -> Colour:
        """Return the colour that sums up the health."""
        delivered, failed = self.counts.last_hour(now)
        failing = self.streak.failures > 0
        if self.status is EndpointStatus.DISABLED or (failing and failed > delivered):
            return Colour.RED
        return Colour.YELLOW if failing or failed else Colour.GREEN

    def public(self) -> Self:
        """Return a copy for the memo, without the parts that only the endpoint itself needs."""
        private = {
            "notices": NoticeQueue(),
            "known": KnownReports(),
            "hold_statuses": HoldStatuses(),
            "changes": StatusChanges(),
        }
        return self.model_copy(update=private)
