"""Heartbeats of an activity that waits: for a receiver, for Temporal, or for others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

BEAT_SECONDS = 2.0

BEATS_IN_TIMEOUT = 2.5
"""So many heartbeats fit into the time after which Temporal considers a worker dead."""


def beat_seconds() -> float:
    """Return how far apart the heartbeats of this activity are: BEAT_SECONDS without a timeout."""
    timeout = activity.info().heartbeat_timeout
    return timeout.total_seconds() / BEATS_IN_TIMEOUT if timeout else BEAT_SECONDS


@asynccontextmanager
async def heartbeats(
    progress: Callable[[], tuple[object, ...]] = tuple,
    seconds: float | None = None,
    first_after: float | None = None,
) -> AsyncIterator[Callable[[], None]]:
    """Send heartbeats for as long as the context lasts. Each is a write for Temporal.

    Beats are BEAT_SECONDS apart unless `seconds` is given. So long after the beginning comes the
    first, or `first_after` so many seconds. `progress` gives the details of each: values that are
    replaced, and not changed. If Temporal does not have the last ones, one more comes at the end.
    The context gives what sends a beat at once.
    """
    apart = seconds or BEAT_SECONDS
    told = progress() if activity.info().heartbeat_details else ()

    def tell() -> None:
        nonlocal told
        told = progress()
        activity.heartbeat(*told)

    async def beat() -> None:
        await asyncio.sleep(apart if first_after is None else first_after)
        while True:
            tell()
            await asyncio.sleep(apart)

    beating = asyncio.create_task(beat())
    try:
        yield tell
    finally:
        beating.cancel()
        if progress() != told:
            tell()
