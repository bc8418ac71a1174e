"""First attempts that leave their workflow tasks, on their way to the worker's own task queue."""

import asyncio
from contextlib import suppress
from typing import Self

from cachetools import TTLCache

from activities.delivery.ledger import run_id
from hookwright.models import DeliveryLog

ON_THE_WAY_SECONDS = 10.0
"""How long a worker that stops waits for what it has handed over. A task that another worker has
taken meanwhile does not come."""

MAX_ON_THE_WAY = 10_000


class HandOvers:
    """Hands attempts over to an activity on `task_queue`, the worker's own.

    Its context is left when they have arrived. Until then that task queue has to be polled: a task
    is lost that Temporal gives as the answer to a poll which is just being given up.
    """

    def __init__(self, task_queue: str) -> None:
        self.task_queue = task_queue
        self._arrived = asyncio.Event()
        self._on_the_way: TTLCache[str, None] = TTLCache(MAX_ON_THE_WAY, ON_THE_WAY_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(ON_THE_WAY_SECONDS):
                while self._on_the_way:
                    self._arrived.clear()
                    await self._arrived.wait()

    def give(self, so_far: DeliveryLog) -> DeliveryLog:
        """Return the log with which the attempt of this activity leaves its workflow task."""
        self._on_the_way[run_id()] = None
        return so_far.model_copy(update={"begun_on": self.task_queue})

    def take(self) -> None:
        """Note that the attempt has arrived in this activity."""
        self._on_the_way.pop(run_id(), None)
        self._arrived.set()
