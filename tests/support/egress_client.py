"""Egress as the tests use it: to loopback, with a resolver that they give."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from activities.egress import Answer, Egress
from activities.egress.resolver import Resolver
from hookwright.outcomes import Outcome
from hookwright.security import DestinationPolicy, parse_networks

LOOPBACK = DestinationPolicy(allow_http=True, allow_networks=parse_networks(["127.0.0.1/32"]))
TIMEOUT = 0.4
GRACE = 0.5
"""How much longer than its timeout an attempt may take (security.md)."""

HEADERS = {"content-type": "application/json", "webhook-id": "evt_1"}
BODY = b'{"type":"loan.funded"}'


def answers(*addresses: str) -> Resolver:
    """Resolve every name to these addresses."""

    async def resolve(_: str, __: str) -> list[str]:
        return list(addresses)

    return resolve


def raises(error: Callable[[], Exception]) -> Resolver:
    """Fail to resolve any name."""

    async def resolve(_: str, __: str) -> list[str]:
        raise error()

    return resolve


@asynccontextmanager
async def egress(
    policy: DestinationPolicy = LOOPBACK, resolve: Resolver | None = None, **more: Any
) -> AsyncIterator[Egress]:
    """Run egress while the context lasts. Names resolve to loopback unless a resolver is given."""
    async with Egress(policy, resolve=resolve or answers("127.0.0.1"), **more) as it:
        yield it


async def post(client: Egress, url: str, timeout_seconds: float = 5.0) -> Answer:
    """Post once, and hold what is true of every answer: bounded in time, size and kind."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await client.post(url, HEADERS, BODY, timeout_seconds)
    assert loop.time() - began < timeout_seconds + GRACE
    assert len((answer.body or "").encode()) <= 4096
    assert len((answer.error or "").encode()) <= 1024
    assert len(answer.retry_after or "") <= 128
    assert (answer.error is None) is (answer.outcome is Outcome.DELIVERED)
    assert answer.error != ""
    return answer


def counting_reads(client: Egress) -> list[int]:
    """Note the size of every piece that egress reads from the network."""
    sizes: list[int] = []
    network: Any = client.transport._network
    backend = network.network
    connect = backend.connect_tcp

    async def connect_counting(*args: Any, **kwargs: Any) -> Any:
        stream = await connect(*args, **kwargs)
        read = stream.read

        async def read_counting(*args: Any, **kwargs: Any) -> Any:
            piece = await read(*args, **kwargs)
            sizes.append(len(piece))
            return piece

        stream.read = read_counting
        return stream

    backend.connect_tcp = connect_counting
    return sizes


@dataclass
class LoopTurns:
    """The turns of the event loop that others had."""

    count: int = 0


@asynccontextmanager
async def counting_turns(observe: Callable[[], None] = lambda: None) -> AsyncIterator[LoopTurns]:
    """Count the event loop's turns while the context lasts, and observe something in each."""
    turns = LoopTurns()

    async def look_on() -> None:
        while True:
            turns.count += 1
            observe()
            await asyncio.sleep(0)

    looking = asyncio.create_task(look_on())
    try:
        yield turns
    finally:
        looking.cancel()
