"""Dialling several addresses: whatever is cancelled when, no connection is left open."""

import asyncio
import ipaddress

import pytest

from activities.egress import staggered
from activities.egress.staggered import first_to_connect

FIRST, SECOND = ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("192.0.2.2")


class Stream:
    """A connection that can be closed."""

    is_closed = False

    async def aclose(self) -> None:
        self.is_closed = True


async def test_cancelled_after_one_has_connected(monkeypatch):
    """A connection is closed if its attempt ends while the other addresses are given up."""
    monkeypatch.setattr(staggered, "STAGGER_SECONDS", 0.0)
    winner, giving_up = Stream(), asyncio.Event()

    async def dial(address):
        if address == SECOND:
            return winner
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            giving_up.set()
            await asyncio.Event().wait()

    race = asyncio.create_task(first_to_connect([FIRST, SECOND], dial))
    await giving_up.wait()
    race.cancel()
    with pytest.raises(asyncio.CancelledError):
        await race
    assert winner.is_closed


async def test_two_that_connect_at_once(monkeypatch):
    """Of two connections that come at once, one is used and the other is closed."""
    monkeypatch.setattr(staggered, "STAGGER_SECONDS", 0.0)
    streams, both = [Stream(), Stream()], asyncio.Event()

    async def dial(address):
        if address == SECOND:
            both.set()
        await both.wait()
        return streams[address == SECOND]

    used = await first_to_connect([FIRST, SECOND], dial)
    assert [stream.is_closed for stream in streams] == [stream is not used for stream in streams]
