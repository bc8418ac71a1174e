"""The slots of the slow lane: one after the other, and fewer while Temporal is busy.

Each attempt there costs Temporal some ten writes. What it has to do for others comes first, so the
lane has what they leave (docs/decisions/0030-shares-by-tenant.md).
"""

import asyncio
from collections.abc import Callable

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
)

TIMES_A_TASK = 5.0
"""The time between two slots: as long as so many tasks of deliveries take."""

SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 0.1
"""Twenty slots a second, and ten. What only asks for its turn, or for a later time, needs one, too.
A storm of retries takes longer, and leaves the processor's time to others. What waits is in the
queue in Temporal, where tenants take turns. With two a second, an endpoint that answered again had
waited half a minute for 70 retries."""


class SlowSlots(CustomSlotSupplier):
    """Gives one slot after a pause that grows with the time of a task.

    The slots need no number: how many attempts are under way is limited by their shares
    (`activities.shares`).
    """

    def __init__(self, seconds_of_a_task: Callable[[], float]) -> None:
        self._seconds_of_a_task = seconds_of_a_task
        self._one_by_one = asyncio.Lock()

    @property
    def pause(self) -> float:
        """How many seconds pass before the next slot."""
        wanted = TIMES_A_TASK * self._seconds_of_a_task()
        return min(max(wanted, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:  # noqa: ARG002
        """Wait for a slot for a poll."""
        async with self._one_by_one:
            await asyncio.sleep(self.pause)
        return SlotPermit()

    def try_reserve_slot(self, ctx: SlotReserveContext) -> None:
        """Give none: an attempt of the lane waits in Temporal's queue for a poll."""

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """Do nothing: slots are not counted."""

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """Do nothing: slots are not counted."""
