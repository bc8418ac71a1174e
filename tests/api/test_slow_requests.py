"""Requests that take their time, against the server as `hookwright api` runs it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import replace

import httpx
import pytest
from support.stack import OPERATOR_KEY, api_config, unique
from support.waiting import assert_eventually
from temporalio.client import Client

from api.app import create_app
from runtime.http import listening_socket, serve
from runtime.http.protocol import Protocol

SECONDS = 0.5
PACE = 0.02


@asynccontextmanager
async def api_server(client: Client) -> AsyncIterator[int]:
    """Serve the API on a port while the context lasts, with a short time for bodies."""
    config = replace(api_config(unique("queue")), body_seconds=SECONDS)
    listener = listening_socket("127.0.0.1", 0)
    serving = asyncio.create_task(serve(create_app(client, config), listener))
    try:
        yield listener.getsockname()[1]
    finally:
        serving.cancel()
        await serving


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give heads as little time."""
    monkeypatch.setattr(Protocol, "head_seconds", SECONDS)


async def drip(port: int, beginning: bytes, drop: bytes) -> bytes:
    """Send a beginning, then drop after drop until the server has had enough; return its words."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(beginning)

        async def go_on() -> None:
            while True:
                writer.write(drop)
                await asyncio.sleep(PACE)

        dripping, said = asyncio.create_task(go_on()), b""
        try:
            with suppress(ConnectionError):
                async with asyncio.timeout(20):
                    while piece := await reader.read(65_536):
                        said += piece
        finally:
            dripping.cancel()
        return said


async def connections(port: int, count: int, closed: AsyncExitStack) -> list[asyncio.StreamReader]:
    """Open connections that say nothing, until `closed` ends; return what they hear."""
    readers = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        closed.enter_context(closing(writer))
        readers.append(reader)
    return readers


HEAD = (
    "POST /v1/tenants/acme/events HTTP/1.1\r\nhost: x\r\n"
    f"authorization: Bearer {OPERATOR_KEY}\r\ncontent-type: application/json\r\n"
).encode()


@pytest.mark.parametrize(
    ("framing", "drop"),
    [
        (b"content-length: 100000\r\n\r\n", b" "),
        (b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"content-length: 9\r\n\r\n", b""),
    ],
)
async def test_slow_bodies(client: Client, framing, drop) -> None:
    """A body that drips, or never comes, is a 408, and others are served meanwhile."""
    async with api_server(client) as port, httpx.AsyncClient(trust_env=False) as http:
        dripping = [asyncio.create_task(drip(port, HEAD + framing, drop)) for _ in range(50)]
        while not all(it.done() for it in dripping):
            answer = await http.get(f"http://127.0.0.1:{port}/healthz")
            assert answer.status_code == 200
        # A server that hangs up on a client that still sends resets the connection, and the reset
        # may overtake the answer.
        heard = [await it for it in dripping]
        assert any(heard)
        assert all(heard) or drop
        for said in filter(None, heard):
            head, _, body = said.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 408 ")
            assert b"connection: close" in head.lower()
            assert b"application/problem+json" in head
            assert b"server:" not in head.lower()
            assert json.loads(body)["detail"].startswith("the body did not arrive within 0.5 s")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("beginning", "drop"),
    [(b"", b""), (b"GET", b" "), (b"GET / HTTP/1.1\r\n", b"a: b\r\n")],
)
async def test_slow_heads(client: Client, beginning, drop) -> None:
    """A head that drips, or never comes, ends its connection without an answer."""
    async with api_server(client) as port:
        assert await drip(port, beginning, drop) == b""


@pytest.mark.usefixtures("hasty")
async def test_a_second_head_that_is_slow(client: Client) -> None:
    """On a connection that has served a request, the next head has no more time than the first."""
    whole = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    async with api_server(client) as port:
        said = await drip(port, whole + b"GET /healthz HTTP/1.1\r\n", b"a: b\r\n")
    assert said.count(b"HTTP/1.1 200 OK") == 1


async def test_idle_connections(client: Client) -> None:
    """Five hundred connections that say nothing are left alone, and a request is served at once."""
    async with api_server(client) as port, AsyncExitStack() as closed:
        idle = await connections(port, 500, closed)
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"http://127.0.0.1:{port}/healthz")
        assert answer.status_code == 200
        assert not any(reader.at_eof() for reader in idle)


async def test_too_many_connections(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound those that have been silent for longest make room, and no request ends."""
    monkeypatch.setattr("runtime.http.protocol.MAX_CONNECTIONS", 50)
    async with api_server(client) as port, AsyncExitStack() as closed:
        under_way = asyncio.create_task(drip(port, HEAD + b"content-length: 9\r\n\r\n", b""))
        idle = await connections(port, 200, closed)
        await assert_eventually(lambda: sum(it.at_eof() for it in idle) >= 150)
        assert not any(it.at_eof() for it in idle[-40:])
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"http://127.0.0.1:{port}/healthz")
        assert answer.status_code == 200
        assert (await under_way).startswith(b"HTTP/1.1 408 ")


async def test_heads_without_end(client: Client) -> None:
    """A head that does not end within 16 KiB is refused while it still comes."""
    async with api_server(client) as port:
        said = await drip(port, b"GET / HTTP/1.1\r\na: ", b"b" * 4096)
    assert said.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
