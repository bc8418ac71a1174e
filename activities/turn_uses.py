"""Whether deliveries begin with the turns that they are given, or workers are far behind."""

import asyncio
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from hookwright.temporal import described, waits_for_worker

USED_WITHIN = timedelta(seconds=1)
"""A delivery begins with its turn within this time, unless workers are behind. It is also how often
a queue looks."""

SECONDS_BETWEEN_LOOKS = 0.2

LONGEST_WAIT_SECONDS = 20.0
"""No delivery keeps the others of its queue waiting for longer, whatever is wrong with it."""


class TurnUses:
    """The latest turns of a queue with a rate limit.

    If turns were given at their pace while workers are behind, their deliveries would all begin at
    once when the workers have caught up.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._given: deque[tuple[datetime, str]] = deque()
        self._look_at = datetime.now(UTC)

    def note(self, given_at: datetime, workflow_id: str) -> None:
        """Note the turn of a delivery."""
        self._given.append((given_at, workflow_id))

    async def wait_for_workers(self) -> None:
        """Wait until the delivery that had its turn a second ago has begun with it, or for 20 s."""
        now, workflow_id = datetime.now(UTC), None
        if now < self._look_at:
            return
        while self._given and self._given[0][0] <= now - USED_WITHIN:
            _, workflow_id = self._given.popleft()
        if workflow_id:
            self._look_at = now + USED_WITHIN
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                    await self._wait_for_worker(workflow_id)

    async def _wait_for_worker(self, workflow_id: str) -> None:
        delivery = await described(self._client, workflow_id)
        while delivery and waits_for_worker(delivery):
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            delivery = await described(self._client, workflow_id)
