"""How long a busy tenant rests after a turn: longer where the server takes longer than it can."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

TIMES_THE_DELAY, MAX_REST_SECONDS = 3.0, 1.0
"""Measured: a small tenant beside one that publishes 5,000 events (docs/decisions/0030)."""

FORGETTING_SECONDS = 600.0
"""In so long the shortest duration known grows to almost three times. One lucky turn is forgotten
within the hour, and the load of some minutes is not taken for what the server can do."""


@dataclass
class Rests:
    """Learns from the durations of turns by how much the server, busy with others, delays one."""

    times_the_delay: float = TIMES_THE_DELAY
    clock: Callable[[], float] = time.monotonic
    _shortest: float = field(default=float("inf"), init=False)
    _learned_at: float = field(default=0.0, init=False)

    def learn(self, seconds: float) -> None:
        """Learn from a turn that did not fail. One that does may end before the server knows."""
        since, self._learned_at = self.clock() - self._learned_at, self.clock()
        self._shortest = min(seconds, self._shortest * (1 + since / FORGETTING_SECONDS))

    def after(self, seconds: float, ended: Callable[[], None], *, needed: bool) -> None:
        """Call `ended` now, or after a rest if one is needed, for a turn that took so long."""
        rest = min(self.times_the_delay * (seconds - self._shortest), MAX_REST_SECONDS)
        if needed and rest > 0:
            asyncio.get_running_loop().call_later(rest, ended)
        else:
            ended()
