"""Which deliveries an endpoint has counted as held, of those that it heard of last.

A worker that is killed after its report was stored, and before Temporal recorded what it did, does
its work again, and may then do something else: what it parked is attempted, what it attempted is
parked. So a report says where its delivery stands now, and what its log says of where it stood
before; what the endpoint itself heard last is the better witness of that.
"""

from enum import StrEnum

from pydantic import RootModel

from hookwright.health.reports import Report

MAX_HOLD_STATUSES = 5_000
"""Deliveries whose standing is remembered. It is asked for only while work is done again: for a
minute or so."""


class HoldStatus(StrEnum):
    """Where a delivery stands with its endpoint. Ended: whatever else comes of it is too late."""

    HELD = "held"
    FREE = "free"
    ENDED = "ended"


class HoldStatuses(RootModel[dict[str, HoldStatus]]):
    """The last standing of each delivery that was held lately; the latest stands last."""

    root: dict[str, HoldStatus] = {}

    def change(self, report: Report) -> tuple[bool, bool]:
        """Take a report; return whether its delivery was counted, and whether it is to be."""
        before = self.root.get(report.delivery or "")
        if before is HoldStatus.ENDED:
            return False, False
        was_held = report.was_held if before is None else before is HoldStatus.HELD
        if report.delivery and (before or was_held or report.is_held or report.final):
            self._remember(report.delivery, report)
        return was_held, report.is_held

    def forget(self) -> None:
        """Forget all: `held` was corrected, and counts other deliveries than these."""
        self.root.clear()

    def _remember(self, delivery: str, report: Report) -> None:
        stands = HoldStatus.HELD if report.is_held else HoldStatus.FREE
        self.root.pop(delivery, None)
        self.root[delivery] = HoldStatus.ENDED if report.final else stands
        while len(self.root) > MAX_HOLD_STATUSES:
            del self.root[next(iter(self.root))]
