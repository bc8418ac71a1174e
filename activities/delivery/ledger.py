"""The POSTs that this worker makes and has made, so that it makes none of them twice.

Temporal runs a workflow task again when its completion comes too late, and with it the local
activity that makes a first attempt; so too a retry whose heartbeats came too late. On a busy
machine that happens with nobody at fault. The second run finds the POST here, and joins it or has
its reply (docs/decisions/0020-workers-and-slots.md).
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Self

from cachetools import TTLCache

from activities.delivery.request import SentAttempt

Key = tuple[str, int]
"""A delivery's run id and the number of the attempt."""

KEPT_SECONDS = 3_600.0
"""A task that is run again waits in the queue first, behind all that the queue holds by then."""

KEPT_BYTES = 48_000_000
RECORD_BYTES = 4_096
"""What a record takes in memory beside the reply's body: some 10,000 replies are kept."""


class Ledger:
    """Keeps POSTs under way, and the replies of the last hour, as long as there is room."""

    def __init__(self) -> None:
        self._under_way: dict[Key, asyncio.Task[SentAttempt]] = {}
        self._made: TTLCache[Key, SentAttempt] = TTLCache(KEPT_BYTES, KEPT_SECONDS, getsizeof=_size)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cut what is still under way: the worker had given it all the time that it may have."""
        tasks = [*self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def knows(self, key: Key) -> bool:
        """Tell whether this POST is under way, or was made."""
        return key in self._under_way or key in self._made

    async def once(
        self, key: Key, post: Callable[[], Coroutine[Any, Any, SentAttempt]]
    ) -> SentAttempt:
        """Return the reply to this POST, which is made now unless it is under way or was made.

        The POST goes on when whoever waits for it is cancelled: its task may be run again.

        Raises:
            Exception: what `post` raises. Nothing is kept then, and the next run makes the POST.
        """
        if made := self._made.get(key):
            return made
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(post())
            task.add_done_callback(partial(self._ended, key))
        return await asyncio.shield(task)

    def cut(self, key: Key) -> None:
        """Break off a POST that nobody wants any more."""
        if task := self._under_way.get(key):
            task.cancel()

    def _ended(self, key: Key, task: asyncio.Task[SentAttempt]) -> None:
        del self._under_way[key]
        if not task.cancelled() and task.exception() is None:
            self._made[key] = task.result()


def _size(posted: SentAttempt) -> int:
    return RECORD_BYTES + len(posted.attempt.response_body or "")
