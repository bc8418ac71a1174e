"""Beyond the bound of connections some are closed, but none that somebody still needs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from typing import Any

import pytest
import pytest_asyncio
from support.waiting import assert_eventually

from runtime.http import listening_socket, serve

MOST = 10
LARGE = 32 * 1024 * 1024
"""More than the buffers of both sockets take, so that the server keeps the rest of it."""

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
GET_LARGE = GET.replace(b"/", b"/large", 1)
ENDLESS = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nx"

Talk = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer_at_once(scope: Any, _: Any, send: Any) -> None:
    """Answer a request, whose body it does not read; no lifespan."""
    assert scope["type"] == "http"
    size = LARGE if scope["path"] == "/large" else 0
    head = [(b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": b" " * size})


class Clients:
    """Clients of one server; `closed` closes their connections."""

    def __init__(self, port: int, closed: AsyncExitStack) -> None:
        self.port = port
        self.closed = closed

    async def ask(self, request: bytes) -> Talk:
        """Send a request on a connection of its own, and read the head of the answer."""
        # So small a limit leaves the body at the server.
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1024)
        self.closed.enter_context(closing(writer))
        writer.write(request)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        return reader, writer


@pytest_asyncio.fixture
async def clients(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clients]:
    """A server that keeps few connections."""
    monkeypatch.setattr("runtime.http.protocol.MAX_CONNECTIONS", MOST)
    listener = listening_socket("127.0.0.1", 0)
    serving = asyncio.create_task(serve(answer_at_once, listener))
    async with AsyncExitStack() as closed:
        yield Clients(listener.getsockname()[1], closed)
    serving.cancel()
    await serving


def is_closed(talk: Talk) -> bool:
    """Return whether the server has closed a connection: orderly, or with a reset."""
    return talk[0].at_eof() or talk[0].exception() is not None


async def test_bodies_that_nobody_reads(clients: Clients) -> None:
    """Clients that send on after their answers keep no newcomer out, and go before idle ones."""
    idle = [await clients.ask(GET) for _ in range(2)]
    endless = [await clients.ask(ENDLESS) for _ in range(MOST - len(idle))]
    for _ in endless:
        await clients.ask(GET)
        for _, writer in endless:
            writer.write(b"x")
    await assert_eventually(lambda: all(map(is_closed, endless)))
    assert not any(map(is_closed, idle))


async def test_answers_that_are_still_fetched(clients: Clients) -> None:
    """A client that fetches a large answer slowly gets all of it, however many others come."""
    reader, _ = await clients.ask(GET_LARGE)
    for _ in range(MOST * 2):
        await clients.ask(GET)
    assert len(await reader.readexactly(LARGE)) == LARGE


async def test_answers_that_nobody_fetches(clients: Clients) -> None:
    """Clients that ask for more and more, and fetch nothing, make room for others as well."""
    greedy = [await clients.ask(GET_LARGE * 2) for _ in range(MOST * 2)]

    def closed() -> int:
        for _, writer in greedy:
            writer.write(b"x")  # whoever does not read notices only so
        return sum(map(is_closed, greedy))

    await assert_eventually(lambda: closed() >= MOST)
