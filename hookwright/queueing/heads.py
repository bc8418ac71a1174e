"""The heads of an ordered queue: those that the others of their ordering keys wait for."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice

from pydantic import BaseModel

from hookwright.queueing.place import QueuePlace
from hookwright.times import Timestamp

FIRST_CHECK_SECONDS, MAX_CHECK_SECONDS = 1.0, 300.0
"""A head that has had its turn is looked at after a second, then after two more, and so on up to
this. Its end is reported at once: this is for reports that were lost."""


class Head(BaseModel):
    """The delivery that the others of its ordering key wait for.

    `asks`: it waits for a turn. Otherwise it has had its turn, and its queue waits for its end and
    looks at it at `check_at` for the next time, if nobody reports the end before. `given_up`: its
    attempts ran out, and the queue waits for a person.
    """

    place: QueuePlace
    asks: bool
    check_at: Timestamp
    checks: int = 0
    given_up: bool = False

    def check_later(self, now: datetime) -> None:
        """Plan the next look at it, twice as far ahead as the one before."""
        self.check_at, self.checks = check_at_after(now, self.checks), self.checks + 1


def check_at_after(now: datetime, checks: int = 0) -> datetime:
    """Return when a head is looked at that was looked at so often."""
    seconds = min(FIRST_CHECK_SECONDS * 2 ** min(checks, 10), MAX_CHECK_SECONDS)
    return now + timedelta(seconds=seconds)


def number_that_wait(heads: Mapping[str, Head], under_way: Collection[str | None]) -> int:
    """Return how many have had their turns and wait: for a retry, their endpoint or a person."""
    had_turns = (head for line, head in heads.items() if line not in under_way)
    return sum(head.place.attempt > 0 and not head.asks for head in had_turns)


def to_look_at(
    heads: Mapping[str, Head], under_way: Collection[str | None], now: datetime
) -> list[str]:
    """Return the ordering keys whose heads are due to be looked at, reported ends first."""
    free = (head for line, head in heads.items() if line not in under_way)
    due = (head for head in free if not head.asks and head.check_at <= now)
    return [head.place.key for head in sorted(due, key=lambda it: it.checks)]


def those_that_ask(places: Iterable[QueuePlace], number: int) -> list[QueuePlace]:
    """Return the first places, up to one that does not ask for its turn."""
    first = list(islice(places, number))
    return first[: next((n for n, it in enumerate(first) if not it.attempt), number)]
