"""The network that tests let go wrong really does so, each mode in its own way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio
from support.fault_proxy import (
    BLACKHOLE,
    FAULTS,
    HALF_OPEN,
    LATENCY,
    PASS,
    REFUSE,
    RESET,
    TRICKLE,
    FaultProxy,
    fault_proxy,
)
from support.tcp_server import tcp_server
from support.waiting import assert_eventually

ENDLESS = 3_600.0


@dataclass
class Echo:
    """A server that sends back what it gets, and counts its connections."""

    proxy: FaultProxy
    heard: bytearray
    begun: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.proxy.host, self.proxy.port)


@pytest_asyncio.fixture
async def echo() -> AsyncIterator[Echo]:
    """A proxy before a server that sends everything back."""
    heard, begun, ended = bytearray(), list[str](), list[str]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.append("begun")
        try:
            while piece := await reader.read(65_536):
                heard.extend(piece)
                writer.write(piece)
                await writer.drain()
        finally:
            ended.append("ended")

    async with tcp_server(talk) as port, fault_proxy(port) as proxy:
        yield Echo(proxy, heard, begun, ended)


async def answer(echo: Echo, said: bytes) -> bytes:
    """Say something on a connection of its own, and return all that comes back."""
    reader, writer = await echo.connect()
    with closing(writer):
        writer.write(said)
        writer.write_eof()
        return await reader.read()


async def test_what_goes_through_is_unchanged(echo: Echo) -> None:
    """A megabyte comes back as it was, the end of one direction too, and nothing is left over."""
    said = bytes(range(256)) * 4_096
    assert await answer(echo, said) == said
    await assert_eventually(lambda: not echo.proxy.links)
    assert (echo.proxy.accepted, echo.proxy.waiting) == (1, 0)


async def test_latency(echo: Echo) -> None:
    """A piece arrives after its delay, not before; what waits when the fault ends goes on."""
    reader, writer = await echo.connect()
    with closing(writer):
        writer.write(b"first")
        assert await reader.readexactly(5) == b"first"
        await echo.proxy.switch(replace(LATENCY, delay_seconds=ENDLESS))
        writer.write(b"second")
        await assert_eventually(lambda: echo.proxy.waiting == 1)
        assert echo.heard == b"first"
        await echo.proxy.switch(replace(LATENCY, delay_seconds=0.01))
        assert await reader.readexactly(6) == b"second"


async def test_blackhole(echo: Echo) -> None:
    """Connections are accepted and lead nowhere; afterwards what they sent arrives."""
    open_one = await echo.connect()
    await assert_eventually(lambda: len(echo.begun) == 1)
    await echo.proxy.switch(BLACKHOLE)
    new_one = await echo.connect()
    for reader, writer in (open_one, new_one):
        writer.write(b"lost?")
        await assert_eventually(lambda: echo.proxy.waiting)
        assert not reader.at_eof()
    await assert_eventually(lambda: echo.proxy.waiting == 2)
    assert (echo.begun, echo.heard) == (["begun"], b"")
    await echo.proxy.switch(PASS)
    for reader, writer in (open_one, new_one):
        assert await reader.readexactly(5) == b"lost?"
        writer.close()


async def test_trickle(echo: Echo) -> None:
    """Bytes go one by one, each after its delay: so many take as many delays, and none is lost."""
    pause, said = 0.005, b"twenty bytes of text"
    reader, writer = await echo.connect()
    with closing(writer):
        await assert_eventually(lambda: len(echo.begun) == 1)
        await echo.proxy.switch(replace(TRICKLE, delay_seconds=pause))
        began = asyncio.get_running_loop().time()
        writer.write(said)
        assert await reader.readexactly(len(said)) == said
        assert asyncio.get_running_loop().time() - began >= pause * len(said)


async def test_reset(echo: Echo) -> None:
    """Open connections are reset, and so are new ones."""
    reader, writer = await echo.connect()
    with closing(writer):
        await assert_eventually(lambda: len(echo.begun) == 1)
        await echo.proxy.switch(RESET)
        with pytest.raises(ConnectionResetError):
            await reader.read()
    with pytest.raises(ConnectionResetError):
        await answer(echo, b"x")
    await assert_eventually(lambda: len(echo.ended) == 1)
    assert not echo.heard
    assert not echo.proxy.links


async def test_half_open(echo: Echo) -> None:
    """The far end is gone, the near end is not told, and a new connection is as it should be."""
    reader, writer = await echo.connect()
    with closing(writer):
        await assert_eventually(lambda: len(echo.begun) == 1)
        await echo.proxy.switch(HALF_OPEN)
        await assert_eventually(lambda: len(echo.ended) == 1)
        for _ in range(10):
            writer.write(b"x" * 100_000)
            await writer.drain()
        assert await answer(echo, b"new") == b"new"
        assert not reader.at_eof()
        assert echo.heard == b"new"
        assert len(echo.proxy.links) == 1
    await assert_eventually(lambda: not echo.proxy.links)


async def test_refuse(echo: Echo) -> None:
    """Nobody listens, and open connections end; afterwards the same port is open again."""
    reader, writer = await echo.connect()
    with closing(writer):
        await assert_eventually(lambda: len(echo.begun) == 1)
        async with echo.proxy.during(REFUSE):
            with pytest.raises(ConnectionResetError):
                await reader.read()
            with pytest.raises(ConnectionRefusedError):
                await echo.connect()
    assert await answer(echo, b"back") == b"back"


@pytest.mark.parametrize("mode", FAULTS, ids=lambda mode: mode.name)
async def test_it_ends_in_every_mode(echo: Echo, mode) -> None:
    """Whatever the mode, the proxy stops at once, with its connections."""
    _, writer = await echo.connect()
    with closing(writer):
        await assert_eventually(lambda: len(echo.begun) == 1)
        writer.write(b"x" * 1_000)
        await echo.proxy.switch(mode)
        await echo.proxy.stop()
    assert not echo.proxy.links
    await assert_eventually(lambda: len(echo.ended) == 1)
