"""Notices: operational events of an endpoint that wait to be published to its tenant."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, JsonValue

from hookwright.health.reports import Report
from hookwright.health.streak import Streak
from hookwright.ids import EventType
from hookwright.times import Timestamp, rfc3339

MAX_WAITING_NOTICES = 1_000
"""The most notices that wait one by one. Further ones are counted in the latest of their type."""


class Notice(BaseModel):
    """One notice. The id of the event that publishes it is derived from `number`.

    `more` further notices of its type are only counted here, because too many waited. `at` is when
    it was made, and `last_error` the error of an outage that is over. These two are for people, and
    no part of the event.
    """

    number: int
    type: EventType
    data: dict[str, Any]
    more: int = 0
    at: Timestamp | None = None
    last_error: str | None = None


class NoticeQueue(BaseModel):
    """Notices in the order in which they were made.

    `publishing` is how many of the first are being published. Those do not change any more,
    because some may be published already.
    """

    made: int = 0
    waiting: list[Notice] = []
    publishing: int = 0

    def begin(self, now: datetime) -> None:
        """Begin to number the notices of a new endpoint.

        An endpoint that was deleted may have had the same id, and what tells of a notice has its
        number in its own id. So numbers begin at a time, which no earlier endpoint has reached.
        """
        self.made = int(now.timestamp() * 1_000)

    def add(
        self,
        event_type: str,
        at: datetime,
        last_error: str | None = None,
        /,
        **data: JsonValue,
    ) -> None:
        """Add a notice, or count it in the latest of its type if too many wait."""
        if len(self.waiting) >= MAX_WAITING_NOTICES:
            changeable = reversed(self.waiting[self.publishing :])
            latest = next((notice for notice in changeable if notice.type == event_type), None)
            if latest:
                latest.more += 1
                return
        self.made += 1
        self.waiting.append(
            Notice(number=self.made, type=event_type, data=data, at=at, last_error=last_error)
        )

    def next(self, number: int) -> list[Notice]:
        """Return at most `number` of the next notices: the same ones until they are published."""
        self.publishing = self.publishing or min(number, len(self.waiting))
        return self.waiting[: self.publishing]

    def published(self, number: int) -> None:
        """Remove the first `number` notices, because they are published."""
        del self.waiting[:number]
        self.publishing = max(0, self.publishing - number)


def delivery_facts(report: Report) -> dict[str, JsonValue]:
    """Return the data of a notice about a delivery that has ended."""
    return {
        "event_id": report.event_id,
        "event_type": report.event_type,
        "attempts": report.attempts,
        "last_outcome": report.outcome,
        "last_status_code": report.status_code,
    }


def streak_facts(streak: Streak) -> dict[str, JsonValue]:
    """Return the data of a notice about an endpoint that is failing."""
    since = streak.failing_since
    return {
        "failing_since": rfc3339(since) if since else None,
        "consecutive_failures": streak.failures,
        "last_error": streak.last_error,
    }
