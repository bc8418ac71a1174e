"""Rows in groups."""

from collections.abc import AsyncIterator
from typing import TypeVar

Item = TypeVar("Item")


async def grouped(items: AsyncIterator[Item], size: int) -> AsyncIterator[list[Item]]:
    """Yield the items in lists of this size; the last list may be shorter."""
    group: list[Item] = []
    async for item in items:
        group.append(item)
        if len(group) >= size:
            yield group
            group = []
    if group:
        yield group
