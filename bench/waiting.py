"""Functions that wait and that run many calls at once, both with limits."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")

MAX_WAIT_SECONDS = 60.0
MAX_WORK_SECONDS = 900.0
PAUSE_SECONDS = 0.05


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Check a condition again and again until it is true.

    Raises:
        TimeoutError: It is not true within a minute.
    """
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while not await condition():  # noqa: ASYNC110 - the condition depends on another process
            await asyncio.sleep(PAUSE_SECONDS)


async def for_each(
    items: Iterable[Item], act: Callable[[Item], Awaitable[Value]], in_flight: int
) -> list[Value]:
    """Call `act` on every item, at most `in_flight` at once, and return the results in order.

    Raises:
        TimeoutError: They are not done within a quarter of an hour.
    """
    semaphore = asyncio.Semaphore(in_flight)

    async def limited(item: Item) -> Value:
        async with semaphore:
            return await act(item)

    async with asyncio.timeout(MAX_WORK_SECONDS):
        return await asyncio.gather(*map(limited, items))


async def until_sigterm() -> None:
    """Return when the process receives SIGTERM, the stop signal of the benchmark's processes."""
    received = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, received.set)
    await received.wait()
