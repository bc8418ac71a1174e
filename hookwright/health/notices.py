"""Operational events of an endpoint that are still to be published to its tenant."""

from typing import Any

from pydantic import BaseModel, JsonValue

from hookwright.health.reports import Report
from hookwright.health.streak import Streak
from hookwright.ids import EventType
from hookwright.times import rfc3339

MAX_WAITING_NOTICES = 1_000
"""Notices that wait to be published. Beyond it, the latest of a type counts the further ones."""


class Notice(BaseModel):
    """One operational event. Its event's id is derived from `number`.

    `more` of its type happened that are not published one by one, for too many waited.
    """

    number: int
    type: EventType
    data: dict[str, Any]
    more: int = 0


class NoticeQueue(BaseModel):
    """Notices in the order in which they were made.

    The first so many that are `publishing` do not change any more, for some may be published.
    """

    made: int = 0
    waiting: list[Notice] = []
    publishing: int = 0

    def add(self, event_type: str, /, **data: JsonValue) -> None:
        """Add a notice, or count it in the latest of its type if too many wait."""
        if len(self.waiting) >= MAX_WAITING_NOTICES:
            free = reversed(self.waiting[self.publishing :])
            if newest := next((each for each in free if each.type == event_type), None):
                newest.more += 1
                return
        self.made += 1
        self.waiting.append(Notice(number=self.made, type=event_type, data=data))

    def next(self, number: int) -> list[Notice]:
        """Return the next notices, at most so many: the same again until they are `published`."""
        self.publishing = self.publishing or min(number, len(self.waiting))
        return self.waiting[: self.publishing]

    def published(self, number: int) -> None:
        """Forget the first notices, which are published."""
        del self.waiting[:number]
        self.publishing = max(0, self.publishing - number)


def delivery_facts(report: Report) -> dict[str, JsonValue]:
    """Return what a notice says of a delivery that has ended."""
    return {
        "event_id": report.event_id,
        "event_type": report.event_type,
        "attempts": report.attempts,
        "last_outcome": report.outcome,
        "last_status_code": report.status_code,
    }


def streak_facts(streak: Streak) -> dict[str, JsonValue]:
    """Return what a notice says of an endpoint that is failing."""
    since = streak.failing_since
    return {
        "failing_since": rfc3339(since) if since else None,
        "consecutive_failures": streak.failures,
    }
