"""An egress proxy: a real server that answers CONNECT, and joins the two ends on loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field

from activities.egress import Proxy
from support.tcp_server import tcp_server

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@dataclass
class ConnectProxy:
    """A proxy while it runs: where it listens, and what it was asked."""

    port: int = 0
    asked: list[bytes] = field(default_factory=list)
    tls: bool = False

    @property
    def proxy(self) -> Proxy:
        return Proxy("127.0.0.1", self.port, self.tls)

    @property
    def targets(self) -> list[str]:
        return [head.split(b" ")[1].decode() for head in self.asked]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer), suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def proxying(
    answer: Callable[[bytes], bytes] = lambda _: ESTABLISHED, tls: ssl.SSLContext | None = None
) -> AsyncIterator[ConnectProxy]:
    """Run a proxy while the context lasts. Every name is loopback's, at the port asked for."""
    it = ConnectProxy(tls=tls is not None)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        it.asked.append(head)
        said = answer(head)
        writer.write(said)
        if said.endswith(ESTABLISHED):
            port = int(it.targets[-1].rpartition(":")[2])
            from_there, to_there = await asyncio.open_connection("127.0.0.1", port)
            with closing(to_there):
                await asyncio.gather(_pump(reader, to_there), _pump(from_there, writer))

    async with tcp_server(talk, tls=tls) as it.port:
        yield it
