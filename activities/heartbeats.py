"""Heartbeats of an activity that waits: for a server, for others, or for its turn."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

BEAT_SECONDS = 2.0


@asynccontextmanager
async def heartbeats(
    progress: Callable[[], tuple[object, ...]] = tuple, seconds: float | None = None
) -> AsyncIterator[None]:
    """Show life for as long as the context lasts, whatever takes how long in it.

    `progress` gives what each beat, and a last one in the end, tells of what is done. Two beats are
    BEAT_SECONDS apart unless `seconds` is given.
    """

    async def beat() -> None:
        while True:
            activity.heartbeat(*progress())
            await asyncio.sleep(seconds or BEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        activity.heartbeat(*progress())
