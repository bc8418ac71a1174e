"""A server that holds one conversation after the other over a connection, as each reply says."""

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET

from support.hostile import read_request


@dataclass(frozen=True)
class Reply:
    """What the server does with one request: the bytes that it sends, and how it goes on."""

    sends: bytes
    then: str = "keeps"  # or "closes", or "resets"


@dataclass
class Talker:
    """The server while it runs: `tenants` are those that each connection has carried."""

    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    tenants: list[set[str]] = field(default_factory=list)


@asynccontextmanager
async def talking(
    reply: Callable[[bytes], Reply], host: str = "127.0.0.1"
) -> AsyncIterator[Talker]:
    """Answer each request as `reply` says, while the context lasts."""
    it = Talker()
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carried: set[str] = set()
        it.tenants.append(carried)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await converse(reader, writer, carried)
        finally:
            writer.close()

    async def converse(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, carried: set[str]
    ) -> None:
        while True:
            request = await read_request(reader)
            it.requests.append(request)
            if named := re.search(rb"x-tenant: (\w+)", request):
                carried.add(named.group(1).decode())
            answer = reply(request)
            writer.write(answer.sends)
            await writer.drain()
            if answer.then == "resets":
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, linger)
                writer.transport.abort()
            if answer.then != "keeps":
                return

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(talk(reader, writer))
        talks.add(task)
        task.add_done_callback(talks.discard)

    server = await asyncio.start_server(accept, host, 0)
    port = server.sockets[0].getsockname()[1]
    it.url = f"http://[{host}]:{port}/in" if ":" in host else f"http://{host}:{port}/in"
    try:
        yield it
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()
