"""How many workflow tasks of deliveries a worker takes at once: as many as are completed in time.

Temporal repeats a task, on another worker or on the same one, if it is not completed within its
timeout (`hookwright.temporal.TASK_TIMEOUT`). More open tasks do not make a busy server faster. Each
only takes longer, until the timeout passes (docs/decisions/0020-workers-and-slots.md).
"""

import asyncio
import math
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

POLLS = 10
"""So many polls ask for tasks of deliveries at once. Each brings some six a second while the server
is busy, and five brought fewer than were published."""

MIN_TASKS, INITIAL_TASKS, MAX_TASKS = 20, 40, 200
"""The limit of tasks at once, without those that wait for a receiver. Polls that wait for work take
some of these slots."""

MAX_TASKS_IN_ALL = 500
"""The limit including tasks that wait for a receiver, which load neither worker nor server."""

MAX_AVERAGE_SECONDS = 1.5
"""How long a task may take on average, without the receiver: a quarter of its timeout."""

WINDOW_SECONDS = 1.0
"""The limit is adjusted at most this often, and only after as many tasks as the limit have been
completed."""

LIMIT_GROWTH = 2
"""By how much the limit grows after a window in which tasks were fast and a slot was refused."""


@dataclass
class Permit(SlotPermit):
    """A slot. `busy`: it holds a task. Otherwise a poll waits for a task."""

    busy: bool


@dataclass
class LatestTasks:
    """How long tasks took lately, without the receiver. Each second halves what was before it."""

    busy: int = 0
    busy_seconds: float = 0.0
    completed: float = 0.0

    def time_passes(self, seconds: float, busy: int) -> None:
        """Note that so many tasks were busy for so long."""
        left = 0.5**seconds
        self.busy = busy
        self.busy_seconds = left * self.busy_seconds + busy * (1 - left) / math.log(2)
        self.completed *= left

    @property
    def average_seconds(self) -> float:
        """The average time of a task. While more are open than completed, it is that of these."""
        return self.busy_seconds / max(self.completed, self.busy, 1)


class TaskSlots(CustomSlotSupplier):
    """Slots whose number is adjusted to how long tasks take.

    The average time of a task is the number of busy tasks, integrated over time, divided by the
    number of completed tasks (Little's law). The SDK calls some of these methods from its threads.
    """

    def __init__(self) -> None:
        self.limit = float(INITIAL_TASKS)
        self._loop = asyncio.get_running_loop()
        self._freed = asyncio.Event()
        self._lock = threading.Lock()
        self._taken = self._busy = self._lent = 0
        self._waiting = 0
        self._refused = False
        self._completed, self._busy_seconds = 0, 0.0
        self._latest = LatestTasks()
        self._measured_at = self._window_began = time.monotonic()

    async def reserve_slot(self, ctx: SlotReserveContext) -> Permit:  # noqa: ARG002
        """Wait for a slot for a poll."""
        self._waiting += 1  # before it looks, so that no slot becomes free unnoticed in between
        try:
            while not (permit := self._take(busy=False)):
                self._freed.clear()
                await self._freed.wait()
            return permit
        finally:
            self._waiting -= 1

    def try_reserve_slot(self, ctx: SlotReserveContext) -> Permit | None:  # noqa: ARG002
        """Return a slot for a task that the server sends with the answer to a start, or None.

        Polls that wait for a slot come first: they bring what has waited in the task queue. Else
        new deliveries would take each slot that becomes free, and old ones would wait for as long
        as new ones come.
        """
        return self._take(busy=True, left_free=self._waiting)

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """Note that a poll has received a task."""
        permit = ctx.permit
        if isinstance(permit, Permit) and not permit.busy:
            with self._measured():
                permit.busy = True
                self._busy += 1

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """Note that a task is completed, or that a poll ended without a task."""
        with self._measured():
            self._taken -= 1
            if isinstance(ctx.permit, Permit) and ctx.permit.busy:
                self._busy -= 1
                self._completed += 1
                self._latest.completed += 1
        self._wake()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Lend this task's slot to another task while this one waits for a receiver."""
        with self._measured():
            self._lent += 1
        self._wake()
        try:
            yield
        finally:
            with self._measured():
                self._lent -= 1

    def seconds_of_a_task(self) -> float:
        """Return how long a task takes now on average, without the receiver."""
        with self._measured():
            return self._latest.average_seconds

    def _take(self, *, busy: bool, left_free: int = 0) -> Permit | None:
        with self._measured():
            used = self._taken - self._lent + left_free
            if used >= self.limit or self._taken >= MAX_TASKS_IN_ALL:
                self._refused = True
                return None
            self._taken += 1
            self._busy += busy
            return Permit(busy)

    @contextmanager
    def _measured(self) -> Iterator[None]:
        """Make a change of the counts within this context. The time before it is measured first."""
        with self._lock:
            now = time.monotonic()
            elapsed = now - self._measured_at
            busy = max(0, self._busy - self._lent)
            self._busy_seconds += busy * elapsed
            self._latest.time_passes(elapsed, busy)
            self._measured_at = now
            yield
            if now > self._window_began + WINDOW_SECONDS and self._completed >= self.limit:
                self._adjust(now)

    def _adjust(self, now: float) -> None:
        average = self._busy_seconds / self._completed
        if average > MAX_AVERAGE_SECONDS:
            self.limit = max(MIN_TASKS, self.limit * max(0.5, MAX_AVERAGE_SECONDS / average))
        elif self._refused:
            self.limit = min(MAX_TASKS, self.limit + LIMIT_GROWTH)
        self._completed, self._busy_seconds = 0, 0.0
        self._window_began, self._refused = now, False

    def _wake(self) -> None:
        if self._waiting and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._freed.set)
