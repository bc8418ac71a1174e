"""A TCP proxy that a test puts before Temporal or a receiver, and whose network goes wrong.

What happens to connections is a `Mode`, and `FaultProxy.switch` changes it at run time. Nothing in
here knows HTTP or gRPC.
"""

import asyncio
import math
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto

from runtime.dev import free_port

PIECE_BYTES = 65_536

LINGER_ZERO = struct.pack("ii", 1, 0)
"""With it a close sends a reset: what was not sent yet is thrown away."""


class Fate(Enum):
    """What becomes of a connection."""

    GOES_ON = auto()
    RESET = auto()
    HALF_OPEN = auto()
    """The far end closes it, and the near end is never told."""
    REFUSED = auto()


@dataclass(frozen=True)
class Mode:
    """How the network behaves.

    Each piece of at most `piece_bytes` waits `delay_seconds` before it goes on, in both directions,
    and so does each new connection. `open_ones` is what becomes of the connections that there are
    when the mode begins, `new_ones` what becomes of those that come.
    """

    name: str
    delay_seconds: float = 0.0
    piece_bytes: int = PIECE_BYTES
    open_ones: Fate = Fate.GOES_ON
    new_ones: Fate = Fate.GOES_ON


PASS = Mode("pass")
LATENCY = Mode("latency", delay_seconds=0.2)
TRICKLE = Mode("trickle", delay_seconds=0.25, piece_bytes=1)
BLACKHOLE = Mode("blackhole", delay_seconds=math.inf)
"""Connections are accepted, and nothing is answered. What waits goes on in the next mode."""
RESET = Mode("reset", open_ones=Fate.RESET, new_ones=Fate.RESET)
HALF_OPEN = Mode("half_open", open_ones=Fate.HALF_OPEN)
"""The open connections lead nowhere, and new ones are as they should be. In the next mode, those
are reset: the system has given them up."""
REFUSE = Mode("refuse", open_ones=Fate.RESET, new_ones=Fate.REFUSED)

FAULTS = (LATENCY, TRICKLE, BLACKHOLE, RESET, HALF_OPEN, REFUSE)


@dataclass(eq=False)
class Link:
    """A connection through the proxy: its two ends, and the task that joins them."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter | None = None
    task: asyncio.Task[None] | None = None
    half_open: bool = False

    def reset(self) -> None:
        """Reset both ends."""
        for writer in filter(None, (self.near, self.far)):
            end: socket.socket = writer.get_extra_info("socket")
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
            writer.transport.abort()

    def close_far_end(self) -> None:
        """Close the far end; the near one stays open, and nobody reads what it is sent."""
        self.half_open = True
        if self.far:
            self.far.transport.abort()


@dataclass
class FaultProxy:
    """A proxy while it runs.

    `accepted` counts its connections so far, `waiting` what it holds back: pieces, and connections
    that are not joined yet.
    """

    host: str
    target_port: int
    port: int
    mode: Mode = PASS
    accepted: int = 0
    waiting: int = 0
    links: set[Link] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """Where to connect to, as Temporal's clients want it."""
        return f"{self.host}:{self.port}"

    async def switch(self, mode: Mode) -> None:
        """Let the network behave in this way from now on."""
        self.mode = mode
        self._changed.set()
        self._changed = asyncio.Event()
        await self._listen(wanted=mode.new_ones is not Fate.REFUSED)
        for link in list(self.links):
            if mode.open_ones is Fate.RESET or link.half_open:
                link.reset()
            elif mode.open_ones is Fate.HALF_OPEN:
                link.close_far_end()

    @asynccontextmanager
    async def during(self, mode: Mode) -> AsyncIterator[None]:
        """Let the network behave in this way while the context lasts, and well after it."""
        await self.switch(mode)
        try:
            yield
        finally:
            await self.switch(PASS)

    async def stop(self) -> None:
        """Stop listening, and end all connections."""
        await self._listen(wanted=False)
        for link in list(self.links):
            link.reset()
            if link.task:
                link.task.cancel()
        await asyncio.gather(
            *(link.task for link in list(self.links) if link.task), return_exceptions=True
        )

    async def _listen(self, *, wanted: bool) -> None:
        if wanted and self._server is None:
            self._server = await asyncio.start_server(self._accept, self.host, self.port)
        elif not wanted and self._server is not None:
            self._server.close()
            self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        link = Link(writer, task=asyncio.current_task())
        if self.mode.new_ones is Fate.RESET:
            link.reset()
            return
        self.links.add(link)
        try:
            await self._join(link, reader)
        except OSError:
            link.reset()
        except asyncio.CancelledError:
            pass  # the proxy stops: asyncio would log that the callback was cancelled
        finally:
            self.links.discard(link)
            writer.close()

    async def _join(self, link: Link, from_near: asyncio.StreamReader) -> None:
        await self._wait()
        from_far, link.far = await asyncio.open_connection(self.host, self.target_port)
        if link.half_open:
            link.close_far_end()
        ways = (self._pump(link, from_near, link.far), self._pump(link, from_far, link.near))
        try:
            await asyncio.gather(*ways)
        finally:
            link.far.close()

    async def _pump(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry what comes from one end to the other, as the mode of the moment says."""
        with suppress(ConnectionError):
            while rest := await reader.read(self.mode.piece_bytes):
                while rest:
                    await self._wait()
                    piece_bytes = self.mode.piece_bytes
                    piece, rest = rest[:piece_bytes], rest[piece_bytes:]
                    writer.write(piece)
                    await writer.drain()
        if not link.half_open:
            if not writer.is_closing():
                writer.write_eof()
        elif writer is link.far:
            while await reader.read(PIECE_BYTES):
                pass  # the near end goes on, and is acknowledged, but nobody reads it

    async def _wait(self) -> None:
        """Wait as long as the mode says. If the mode changes meanwhile, its own delay counts."""
        self.waiting += 1
        try:
            while seconds := self.mode.delay_seconds:
                changed = self._changed
                try:
                    async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                        await changed.wait()
                except TimeoutError:
                    return
        finally:
            self.waiting -= 1


@asynccontextmanager
async def fault_proxy(
    target_port: int, host: str = "127.0.0.1", mode: Mode = PASS
) -> AsyncIterator[FaultProxy]:
    """Run a proxy before a port of this machine while the context lasts."""
    proxy = FaultProxy(host, target_port, free_port())
    await proxy.switch(mode)
    try:
        yield proxy
    finally:
        await proxy.stop()
