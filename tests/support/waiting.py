"""Waiting without sleeping: ask again until it holds, or the deadline passes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")


async def eventually(
    read: Callable[[], Awaitable[Value]],
    holds: Callable[[Value], bool] = bool,
    within: float = 20.0,
) -> Value:
    """Return what `read` gives once `holds` accepts it; fail with the last value otherwise."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        value = await read()
        if holds(value):
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {within} s; last seen: {value!r}")
        await asyncio.sleep(0.02)


async def assert_eventually(holds: Callable[[], bool], within: float = 20.0) -> None:
    """Pass once the predicate holds."""

    async def read() -> bool:
        return holds()

    await eventually(read, within=within)
