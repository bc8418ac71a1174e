"""Raw servers that answer with any bytes, at any pace. A script speaks to each connection."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from support.tcp_server import Talk, tcp_server

PACE = 0.02
"""Seconds between the drops of a drip."""


@dataclass
class Hostile:
    """A server while it runs: where it listens, and what reached it."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/in"

    def named(self, host: str, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/in"


@asynccontextmanager
async def serving(script: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[Hostile]:
    """Run a server on loopback while the context lasts."""
    it = Hostile()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        it.connections += 1
        it.requests.append(await read_request(reader))
        await script(reader, writer)

    async with tcp_server(talk, tls=tls) as it.port:
        yield it


@dataclass
class Mute:
    """A server that greets and then only listens; `left` is set when its client has gone."""

    port: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def mute(greeting: bytes = b"") -> AsyncIterator[Mute]:
    """Run such a server, which speaks no TLS, while the context lasts."""
    it = Mute()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        with suppress(ConnectionError):
            await reader.read()
        it.left.set()

    async with tcp_server(talk) as it.port:
        yield it


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
    return head + await reader.readexactly(int(length))


async def hang_up(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Close the connection in good order."""


async def stay_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Say no more, until the client leaves."""
    await reader.read()


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Cut the connection off with a reset."""
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    writer.transport.abort()


def says(answer: bytes, then: Talk = hang_up) -> Talk:
    """Answer with these bytes, then end so."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        await then(reader, writer)

    return script


def goes_on(beginning: bytes, drop: bytes, pace: float = PACE) -> Talk:
    """Answer with a beginning, then with drop after drop for as long as the client listens."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        while not writer.is_closing():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(pace)

    return script


def ok(body: bytes = b"ok", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return a whole, proper answer."""
    lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def unused_port() -> int:
    """Return a port of loopback on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
