"""Waiting and concurrency, both bounded."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")

MAX_WAIT_SECONDS = 60.0
PAUSE_SECONDS = 0.05


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask again until it holds.

    Raises:
        TimeoutError: it does not within a minute.
    """
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while not await holds():  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(PAUSE_SECONDS)


async def for_each(
    items: Iterable[Item], act: Callable[[Item], Awaitable[Value]], in_flight: int
) -> list[Value]:
    """Act on every item, on so many at once; return what came of each."""
    gate = asyncio.Semaphore(in_flight)

    async def gated(item: Item) -> Value:
        async with gate:
            return await act(item)

    async with asyncio.timeout(MAX_WAIT_SECONDS):
        return await asyncio.gather(*map(gated, items))
