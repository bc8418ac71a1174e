"""The POSTs that this worker is making or has made, so that it makes none of them twice.

If the completion of a workflow task comes too late, Temporal runs the task again, and with it the
local activity that makes a first attempt. The same happens to a retry whose heartbeats come too
late. On a busy machine both are normal. The second run finds the POST here, and waits for it or
gets its reply (docs/decisions/0020-workers-and-slots.md).
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Self

from cachetools import TTLCache
from temporalio import activity

from activities.delivery.request import SentAttempt

Key = tuple[str, int]
"""A delivery's run id and the number of the attempt."""

MAX_REPLY_AGE_SECONDS = 3_600.0
"""How long a reply is kept. A task that is run again waits first, behind all tasks that the queue
holds by then."""

MAX_REPLIES_BYTES = 48_000_000
REPLY_OVERHEAD_BYTES = 4_096
"""The memory that a reply takes in addition to the bodies. So about 10,000 replies are kept."""


def run_id() -> str:
    """Return the run id of the delivery whose activity this is."""
    return activity.info().workflow_run_id or ""


class StillUnderWayError(Exception):
    """The reply to a POST takes longer than its caller waits."""


class Ledger:
    """Keeps the POSTs under way, and the replies of the last hour up to MAX_REPLIES_BYTES."""

    def __init__(self) -> None:
        self._under_way: dict[Key, asyncio.Task[SentAttempt]] = {}
        self._replies: TTLCache[Key, SentAttempt] = TTLCache(
            MAX_REPLIES_BYTES, MAX_REPLY_AGE_SECONDS, getsizeof=_size
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancel POSTs that are still under way: the worker has waited as long as it may."""
        tasks = [*self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def knows(self, key: Key) -> bool:
        """Return whether this POST is under way or was made."""
        return key in self._under_way or key in self._replies

    async def once(
        self,
        key: Key,
        post: Callable[[], Coroutine[Any, Any, SentAttempt]],
        patience: float | None = None,
    ) -> SentAttempt:
        """Return the reply to this POST. It is made now, unless it is under way or was made.

        If the caller is cancelled, or no reply has come after `patience` seconds, the POST goes on,
        because the caller is run again.

        Raises:
            StillUnderWayError: there is no reply yet.
            Exception: what `post` raises. No reply is kept then, and the next run makes the POST.
        """
        if reply := self._replies.get(key):
            return reply
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(post())
            task.add_done_callback(partial(self._ended, key))
        await asyncio.wait([task], timeout=patience)
        if not task.done():
            raise StillUnderWayError
        return task.result()

    async def reply(self, key: Key) -> SentAttempt | None:
        """Return the reply to a POST that was made or is under way, or None if there is none.

        Raises:
            Exception: what the POST raises that is under way; nothing was sent.
        """
        if task := self._under_way.get(key):
            await asyncio.shield(task)
        return self._replies.get(key)

    def cancel(self, key: Key) -> None:
        """Cancel a POST that is no longer needed."""
        if task := self._under_way.get(key):
            task.cancel()

    def _ended(self, key: Key, task: asyncio.Task[SentAttempt]) -> None:
        del self._under_way[key]
        if not task.cancelled() and task.exception() is None:
            self._replies[key] = task.result()


def _size(reply: SentAttempt) -> int:
    attempt = reply.attempt
    bodies = (attempt.request_body or "", attempt.response_body or "")
    return REPLY_OVERHEAD_BYTES + sum(map(len, bodies))
