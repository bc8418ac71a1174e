"""An endpoint's duties, and whose turn it is: none keeps another waiting.

Kept in memory only, for one run of the workflow: a new run may well begin with anybody.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

TURN_SECONDS = 20.0
"""After so much work a duty ends its turn, and goes on in its next."""

PUT_OFF_SECONDS, LONGEST_PUT_OFF_SECONDS = 5, 300
"""How long a duty that failed waits for its next turn: twice as long each time in a row."""


class Duty(StrEnum):
    """What an endpoint must do beside answering updates; who never had a turn comes in this order.

    First the tenant's route table learns of a new status, then people, then comes the rest.
    """

    ANNOUNCE = "announce"
    NOTIFY = "notify"
    EXPIRE = "expire"
    CANCEL_HELD = "cancel_held"
    PROBE = "probe"
    RELEASE = "release"
    COUNT = "count"


class Due(NamedTuple):
    """A duty, and when it is due."""

    duty: Duty
    at: datetime


class Turns:
    """Who comes next: of those due, the one whose last turn is longest ago."""

    def __init__(self) -> None:
        self._line = list(Duty)
        self._failures: Counter[Duty] = Counter()
        self._not_before: dict[Duty, datetime] = {}

    def first(self, duties: Mapping[Duty, datetime], now: datetime) -> Due | None:
        """Return whose turn it is, or, if nothing is due yet, what is due first."""
        dues = [
            Due(duty, max(duties[duty], self._not_before.get(duty, duties[duty])))
            for duty in self._line
            if duty in duties
        ]
        ready = next((due for due in dues if due.at <= now), None)
        return ready or min(dues, key=lambda due: due.at, default=None)

    def took(self, duty: Duty) -> None:
        """Note that a duty has its turn: it goes to the end of the line."""
        self._line.remove(duty)
        self._line.append(duty)

    def went_well(self, duty: Duty) -> None:
        """Forget that a duty had failed."""
        self._failures.pop(duty, None)
        self._not_before.pop(duty, None)

    def failed(self, duty: Duty, now: datetime) -> None:
        """Put a duty off, for longer the more often it failed in a row; the others go on."""
        wait = min(PUT_OFF_SECONDS * 2 ** min(self._failures[duty], 10), LONGEST_PUT_OFF_SECONDS)
        self._failures[duty] += 1
        self._not_before[duty] = now + timedelta(seconds=wait)
