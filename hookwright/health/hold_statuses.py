"""Which of its recent deliveries an endpoint counts as held.

A worker may be killed after its report was stored and before Temporal recorded its work. The work
is then repeated, perhaps with another result: a delivery that was held is attempted, or one that
was attempted is held. So a report says whether its delivery is held now, and whether its log says
that it was held before. If the endpoint remembers the delivery, its memory counts, not the log.
"""

from enum import StrEnum

from pydantic import RootModel

from hookwright.health.reports import Report

MAX_HOLD_STATUSES = 5_000
"""How many deliveries an endpoint remembers. It needs the memory only while a killed worker's work
is repeated, which is about a minute."""


class HoldStatus(StrEnum):
    """Whether an endpoint counts a delivery as held. `ended`: later reports change nothing."""

    HELD = "held"
    FREE = "free"
    ENDED = "ended"


class HoldStatuses(RootModel[dict[str, HoldStatus]]):
    """The last status of each delivery that was held recently, in the order of their reports."""

    root: dict[str, HoldStatus] = {}

    def change(self, report: Report) -> tuple[bool, bool]:
        """Apply a report. Return whether its delivery was counted as held, and whether it is now.

        A delivery is remembered only if it is or was held, or has ended.
        """
        known = self.root.get(report.delivery or "")
        if known is HoldStatus.ENDED:
            return False, False
        was_held = report.was_held if known is None else known is HoldStatus.HELD
        if report.delivery and (known or was_held or report.is_held or report.final):
            self._remember(report.delivery, report)
        return was_held, report.is_held

    def forget(self) -> None:
        """Forget all statuses, because `held` was corrected and no longer follows from them."""
        self.root.clear()

    def _remember(self, delivery: str, report: Report) -> None:
        status = HoldStatus.HELD if report.is_held else HoldStatus.FREE
        self.root.pop(delivery, None)  # it is inserted again at the end, as the latest
        self.root[delivery] = HoldStatus.ENDED if report.final else status
        while len(self.root) > MAX_HOLD_STATUSES:
            del self.root[next(iter(self.root))]
