"""When those that had no turn shall ask again."""

from dataclasses import dataclass, field

MIN_SECONDS, MAX_SECONDS = 1.0, 60.0


@dataclass
class AskingAgain:
    """Gives each of them a time of its own, as far from the next one's as turns end.

    So few of them ask in vain. Each that does costs a request, and hundreds that ask every second
    would take the time of all.
    """

    _seconds_a_turn: float = field(default=0.0, init=False)
    _last_ended: float | None = field(default=None, init=False)
    _next: float = field(default=0.0, init=False)

    def turn_ended(self, now: float) -> None:
        """Learn how far apart turns end."""
        if self._last_ended is not None:
            self._seconds_a_turn += (now - self._last_ended - self._seconds_a_turn) / 10
        self._last_ended = now

    def seconds(self, now: float) -> float:
        """Return after how many seconds one that had no turn shall ask again."""
        time = max(self._next, now + MIN_SECONDS)
        self._next = min(time + self._seconds_a_turn, now + MAX_SECONDS)
        return time - now
