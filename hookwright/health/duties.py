"""An endpoint's duties and the order of their turns, so that none keeps another waiting.

The order is kept in memory only, for one run of the workflow: a new run may begin with any duty.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

TURN_SECONDS = 20.0
"""A duty works for this long in one turn and continues in its next turn."""

BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 5, 300
"""How long a duty that failed waits for its next turn. It doubles with each failure in a row."""


class Duty(StrEnum):
    """What an endpoint must do beside answering updates. First turns are in this order.

    First the tenant's route table gets a new status, then people get notices, then the rest.
    """

    ANNOUNCE = "announce"
    NOTIFY = "notify"
    EXPIRE = "expire"
    CANCEL_HELD = "cancel_held"
    PROBE = "probe"
    RELEASE = "release"
    COUNT = "count"


class Due(NamedTuple):
    """A duty and the time when it is due."""

    duty: Duty
    at: datetime


class Turns:
    """The order of turns: of the duties that are due, the one with the oldest last turn is next."""

    def __init__(self) -> None:
        self._order = list(Duty)
        self._failures: Counter[Duty] = Counter()
        self._not_before: dict[Duty, datetime] = {}

    def first(self, duties: Mapping[Duty, datetime], now: datetime) -> Due | None:
        """Return the duty whose turn it is or, if none is due yet, the one that is due first."""
        dues = [
            Due(duty, max(duties[duty], self._not_before.get(duty, duties[duty])))
            for duty in self._order
            if duty in duties
        ]
        ready = next((due for due in dues if due.at <= now), None)
        return ready or min(dues, key=lambda due: due.at, default=None)

    def took(self, duty: Duty) -> None:
        """Note that a duty has its turn: it moves to the end of the order."""
        self._order.remove(duty)
        self._order.append(duty)

    def went_well(self, duty: Duty) -> None:
        """Note that a duty succeeded: it waits for its next turn no longer than the others."""
        self._failures.pop(duty, None)
        self._not_before.pop(duty, None)

    def failed(self, duty: Duty, now: datetime) -> None:
        """Postpone a duty that failed, for longer with each failure in a row. Others go on."""
        seconds = min(BACKOFF_SECONDS * 2 ** min(self._failures[duty], 10), MAX_BACKOFF_SECONDS)
        self._failures[duty] += 1
        self._not_before[duty] = now + timedelta(seconds=seconds)
