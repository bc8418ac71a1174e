"""How fast a worker takes attempts of the slow lane: as fast as leaves the server to the others."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
)

from hookwright.turns import Rests

ATTEMPTS_A_SECOND = 20.0
"""The highest rate of the slow lane, attempts that only ask for their turn included. A storm of
retries takes longer, and leaves the processor's time to others. What waits is in Temporal's queue,
where tenants take turns."""


class LaneSlots(CustomSlotSupplier):
    """Slots without a limit, but with pauses in between: longer ones while the server is slow.

    Attempts that are under way are limited by their shares. Each of them asks Temporal something.
    By what this takes longer than it can, the lane knows how busy the server is.
    """

    def __init__(self) -> None:
        self._rests = Rests()
        self._pause, self._next = 1 / ATTEMPTS_A_SECOND, 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure, by the time that this context lasts, how busy the server is."""
        began = time.monotonic()
        yield
        seconds = time.monotonic() - began
        self._rests.learn(seconds)
        self._pause = max(1 / ATTEMPTS_A_SECOND, self._rests.seconds(seconds))

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:  # noqa: ARG002
        """Wait until the next attempt may be taken."""
        now = asyncio.get_running_loop().time()
        begins = max(now, self._next)
        self._next = begins + self._pause
        await asyncio.sleep(begins - now)
        return SlotPermit()

    def try_reserve_slot(self, ctx: SlotReserveContext) -> None:
        """Take no attempt without a pause."""

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """Do nothing: there is no limit."""

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """Do nothing: there is no limit."""
