"""How long a busy tenant rests after a turn: longer where the server takes longer than it can."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

TIMES_THE_DELAY, MAX_REST_SECONDS = 3.0, 1.0
"""Measured: a small tenant beside one that publishes 5,000 events (docs/decisions/0030)."""

FORGETTING = 1.01
"""The shortest duration known grows so with each turn: one lucky turn is forgotten after some
hundred."""


@dataclass
class Rests:
    """Learns from the durations of turns by how much the server, busy with others, delays one."""

    _shortest: float = field(default=float("inf"), init=False)

    def learn(self, seconds: float) -> None:
        """Learn from a turn that did not fail. One that does may end before the server knows."""
        self._shortest = min(seconds, self._shortest * FORGETTING)

    def after(self, seconds: float, ended: Callable[[], None], *, needed: bool) -> None:
        """Call `ended` now, or after a rest if one is needed, for a turn that took so long."""
        rest = min(TIMES_THE_DELAY * (seconds - self._shortest), MAX_REST_SECONDS)
        if needed and rest > 0:
            asyncio.get_running_loop().call_later(rest, ended)
        else:
            ended()
