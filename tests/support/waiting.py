"""Waiting without sleeping: ask again until it holds, or the deadline passes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")

OFTEN, SELDOM = 0.02, 0.1
"""Seconds between two questions."""


async def eventually(
    read: Callable[[], Awaitable[Value]],
    holds: Callable[[Value], bool] = bool,
    within: float = 20.0,
) -> Value:
    """Return what `read` gives once `holds` accepts it; fail with the last value otherwise.

    It asks often at first and then ever more seldom, since each question costs the processor time
    that the awaited work needs: a wait lasts at most a tenth longer for it, or SELDOM.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    while True:
        value = await read()
        if holds(value):
            return value
        waited = clock() - began
        if waited > within:
            raise AssertionError(f"not within {within} s; last seen: {value!r}")
        await asyncio.sleep(min(max(OFTEN, waited / 10), SELDOM))


async def assert_eventually(holds: Callable[[], bool], within: float = 20.0) -> None:
    """Pass once the predicate holds."""

    async def read() -> bool:
        return holds()

    await eventually(read, within=within)
