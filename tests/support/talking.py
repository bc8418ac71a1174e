"""A server that holds one conversation after the other over a connection, as each reply says."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from activities.egress import Answer, Egress
from support.egress_client import BODY, HEADERS
from support.hostile import read_request, reset
from support.tcp_server import tcp_server

TURNS = 4
"""Turns of the event loop in which a client reads what a server of the same loop has sent."""


@dataclass(frozen=True)
class Reply:
    """What the server does with one request: the bytes that it sends, and how it goes on."""

    sends: bytes
    then: str = "keeps"  # or "closes", or "half-closes", or "resets"
    pause_after: int = 0
    """So many bytes go out first, and the client has read them before the rest goes out."""
    adds: bytes = b""
    """What goes out right after it, over TLS in a record of its own."""
    gate: asyncio.Event | None = None
    """It waits for this."""


@dataclass
class Talker:
    """The server while it runs: `tenants` are those that each connection has carried."""

    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    tenants: list[set[str]] = field(default_factory=list)


@asynccontextmanager
async def talking(
    reply: Callable[[bytes], Reply], host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
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
            if answer.gate:
                await answer.gate.wait()
            if answer.pause_after:
                writer.write(answer.sends[: answer.pause_after])
                for _ in range(TURNS):
                    await asyncio.sleep(0)
            writer.write(answer.sends[answer.pause_after :])
            writer.write(answer.adds)
            await writer.drain()
            if answer.then == "resets":
                await reset(reader, writer)
            if answer.then == "half-closes":
                writer.write_eof()
                await reader.read()  # it goes on to read, and answers no more
            if answer.then != "keeps":
                return

    async with tcp_server(talk, host, tls) as port:
        scheme = "https" if tls else "http"
        it.url = f"{scheme}://[{host}]:{port}/in" if ":" in host else f"{scheme}://{host}:{port}/in"
        yield it


async def send(client: Egress, url: str, number: int = 0, tenant: str = "t1") -> Answer:
    """Post one of many requests, which the server can tell apart."""
    headers = {**HEADERS, "x-number": str(number), "x-tenant": tenant}
    return await client.post(url, headers, BODY, 5.0, tenant_id=tenant)


def number_in(request: bytes) -> int:
    found = re.search(rb"x-number: (\d+)", request)
    assert found
    return int(found.group(1))
