"""A rate, kept."""

import asyncio
from dataclasses import dataclass

LATE_SECONDS = 1.0
"""What is late by more is not caught up: the receiver was promised a rate."""


@dataclass
class Pace:
    """So many a second, one after the other."""

    per_second: float
    due: float = 0.0

    async def wait(self) -> None:
        """Wait until the next may go."""
        now = asyncio.get_running_loop().time()
        self.due = max(self.due, now - LATE_SECONDS) if self.due else now
        await asyncio.sleep(max(0.0, self.due - now))
        self.due += 1 / self.per_second
