"""Dialling several addresses of one name: the first that connects wins (RFC 8305).

An address that never answers, such as that of a broken IPv6 path, costs a quarter of a second and
not the whole attempt.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, zip_longest

import httpcore

from hookwright.security import Address

STAGGER_SECONDS = 0.25
"""How long one address may take before the next one is dialled as well (RFC 8305, section 5)."""

MAX_DIALLED = 3
"""How many addresses of a name are dialled for one connection. A name may have thousands."""

Dial = Callable[[Address], Awaitable[httpcore.AsyncNetworkStream]]


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses with the families in turn, beginning with the first one's."""
    first = [address for address in addresses if address.version == addresses[0].version]
    others = [address for address in addresses if address.version != addresses[0].version]
    return [address for address in chain(*zip_longest(first, others)) if address is not None]


async def first_to_connect(addresses: Sequence[Address], dial: Dial) -> httpcore.AsyncNetworkStream:
    """Return the stream of the first address that connects, among the first MAX_DIALLED.

    The next address is dialled when the ones before have failed, or after STAGGER_SECONDS.

    Raises:
        httpcore.ConnectError, httpcore.ConnectTimeout: none of them connects.
    """
    waiting = deque(addresses[:MAX_DIALLED])
    dialling: set[asyncio.Task[httpcore.AsyncNetworkStream]] = set()
    failure: BaseException | None = None
    try:
        while waiting or dialling:
            if waiting:
                dialling.add(asyncio.ensure_future(dial(waiting.popleft())))
            delay = STAGGER_SECONDS if waiting else None
            done, dialling = await asyncio.wait(
                dialling, timeout=delay, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                failure = task.exception()
                if failure is None:
                    losers, dialling = (dialling | done) - {task}, {task}
                    await _give_up(losers)  # if this is cancelled, the winner is closed as well
                    dialling = set()
                    return task.result()
    finally:
        await _give_up(dialling)
    raise failure or httpcore.ConnectError("there is no address to dial")


async def _give_up(dialling: set[asyncio.Task[httpcore.AsyncNetworkStream]]) -> None:
    """Cancel what is still being dialled, and close what has connected meanwhile."""
    for task in dialling:
        task.cancel()
    for result in await asyncio.gather(*dialling, return_exceptions=True):
        if not isinstance(result, BaseException):
            await result.aclose()
