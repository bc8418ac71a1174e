"""Heartbeats of an activity that waits: for a receiver, for Temporal, or for others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

BEAT_SECONDS = 2.0


@asynccontextmanager
async def heartbeats(
    progress: Callable[[], tuple[object, ...]] = tuple,
    seconds: float | None = None,
    first_after: float = 0.0,
) -> AsyncIterator[None]:
    """Send heartbeats for as long as the context lasts, and a last one at its end.

    `progress` gives the details of each beat. Beats are BEAT_SECONDS apart unless `seconds` is
    given; the first comes `first_after` so many seconds.
    """

    async def beat() -> None:
        await asyncio.sleep(first_after)
        while True:
            activity.heartbeat(*progress())
            await asyncio.sleep(seconds or BEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        activity.heartbeat(*progress())
