"""How many workflow tasks of deliveries a worker takes at once: what the server completes in time.

Temporal gives a task to another worker, or to the same again, if it was not completed within its
timeout (`activities.fan_out.TASK_TIMEOUT`). More open tasks do not make a busy server faster; they
only take longer each, until the timeout passes (docs/decisions/0020-workers-and-slots.md).
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
)

MIN_TASKS, INITIAL_TASKS, MAX_TASKS = 16, 40, 200
"""Tasks at once that wait for no receiver. Five of them are taken by polls that wait for work."""

MAX_TASKS_IN_ALL = 500
"""With those that wait for a receiver, which cost neither worker nor server anything."""

IN_TIME_SECONDS = 1.5
"""How long a task may take on average without the receiver: a quarter of its timeout."""

WINDOW_SECONDS = 1.0
"""How often the limit is set anew, at most: all slots must have been in use once, too."""

GROWTH = 2
"""By how much the limit grows in a window in which tasks were in time and more were to be had."""


@dataclass
class Permit(SlotPermit):
    """A slot. `busy`: there is a task in it; else a poll waits for one."""

    busy: bool


class TaskSlots(CustomSlotSupplier):
    """Slots whose number follows how long tasks take.

    The average time is the number of busy tasks, integrated over time, by the tasks completed
    (Little's law). The SDK calls some of these methods from threads of its own.
    """

    def __init__(self) -> None:
        self.limit = float(INITIAL_TASKS)
        self._loop = asyncio.get_running_loop()
        self._freed = asyncio.Event()
        self._lock = threading.Lock()
        self._taken = self._busy = self._lent = 0
        self._refused = False
        self._completed, self._busy_seconds = 0, 0.0
        self._at = self._window_began = time.monotonic()

    async def reserve_slot(self, ctx: SlotReserveContext) -> Permit:  # noqa: ARG002
        """Wait for a slot, before a poll."""
        while not (permit := self._take(busy=False)):
            self._freed.clear()
            await self._freed.wait()
        return permit

    def try_reserve_slot(self, ctx: SlotReserveContext) -> Permit | None:  # noqa: ARG002
        """Return a slot for a task that comes with the answer to a start, or None."""
        return self._take(busy=True)

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """Note that a poll has brought a task."""
        permit = ctx.permit
        if isinstance(permit, Permit) and not permit.busy:
            with self._measured():
                permit.busy = True
                self._busy += 1

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """Note that a task is completed, or that a poll brought none."""
        with self._measured():
            self._taken -= 1
            if isinstance(ctx.permit, Permit) and ctx.permit.busy:
                self._busy -= 1
                self._completed += 1
        self._wake()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Lend this task's slot to others while it waits for a receiver."""
        with self._measured():
            self._lent += 1
        self._wake()
        try:
            yield
        finally:
            with self._measured():
                self._lent -= 1

    def _take(self, *, busy: bool) -> Permit | None:
        with self._measured():
            if self._taken - self._lent >= self.limit or self._taken >= MAX_TASKS_IN_ALL:
                self._refused = True
                return None
            self._taken += 1
            self._busy += busy
            return Permit(busy)

    @contextmanager
    def _measured(self) -> Iterator[None]:
        """Measure up to a change, and make it."""
        with self._lock:
            now = time.monotonic()
            self._busy_seconds += max(0, self._busy - self._lent) * (now - self._at)
            self._at = now
            yield
            if now > self._window_began + WINDOW_SECONDS and self._completed >= self.limit:
                self._adjust(now)

    def _adjust(self, now: float) -> None:
        average = self._busy_seconds / self._completed
        if average > IN_TIME_SECONDS:
            self.limit = max(MIN_TASKS, self.limit * max(0.5, IN_TIME_SECONDS / average))
        elif self._refused:
            self.limit = min(MAX_TASKS, self.limit + GROWTH)
        self._completed, self._busy_seconds = 0, 0.0
        self._window_began, self._refused = now, False

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._freed.set)
