"""A server that holds one conversation after the other over a connection, as each reply says."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from support.hostile import read_request, reset
from support.tcp_server import tcp_server


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

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carried: set[str] = set()
        it.tenants.append(carried)
        while True:
            request = await read_request(reader)
            it.requests.append(request)
            if named := re.search(rb"x-tenant: (\w+)", request):
                carried.add(named.group(1).decode())
            answer = reply(request)
            writer.write(answer.sends)
            await writer.drain()
            if answer.then == "resets":
                await reset(reader, writer)
            if answer.then != "keeps":
                return

    async with tcp_server(talk, host) as port:
        it.url = f"http://[{host}]:{port}/in" if ":" in host else f"http://{host}:{port}/in"
        yield it
