"""Floods: a reply costs bounded bytes and steps, and others have their turns meanwhile."""

import asyncio
from itertools import pairwise

import h11
import pytest
from support.egress_client import counting_reads, counting_turns, egress, post
from support.hostile import goes_on, ok, says, serving, stay_silent
from support.waiting import assert_eventually

from activities.egress.reply_budget import (
    MAX_HEAD_BYTES,
    MAX_STEPS,
    MAX_WIRE_BYTES,
    STEPS_IN_A_TURN,
)
from hookwright.outcomes import Outcome

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"
FLOODS = 60

SENT_AT_ONCE = {
    "chunks of one byte": (CHUNKED + b"1\r\nx\r\n" * 65_000, Outcome.DELIVERED),
    "chunks of ten bytes": (CHUNKED + b"a\r\n0123456789\r\n" * 9_000, Outcome.DELIVERED),
    "chunks with long extensions": (
        CHUNKED + (b"1;" + b"e" * 8_000 + b"\r\nx\r\n") * 100,
        Outcome.DELIVERED,
    ),
    "interim heads": (INTERIM * 10_000 + ok(), Outcome.PROTOCOL_ERROR),
    "short interim heads": (b"HTTP/1.1 100 \r\n\r\n" * 10_000 + ok(), Outcome.PROTOCOL_ERROR),
    "interim heads with headers": (
        (INTERIM[:-2] + b"a: b\r\n" * 400 + b"\r\n") * 100 + ok(),
        Outcome.PROTOCOL_ERROR,
    ),
    "header lines": (HEAD + b"a:\r\n" * 65_000 + b"\r\n", Outcome.PROTOCOL_ERROR),
    "trailers": (CHUNKED + b"0\r\n" + b"a:\r\n" * 65_000 + b"\r\n", Outcome.PROTOCOL_ERROR),
    "a body": (HEAD + b"\r\n" + b"x" * 1_000_000, Outcome.DELIVERED),
}


@pytest.fixture
def steps(monkeypatch):
    """Note each step of parsing."""
    taken = []
    next_event = h11.Connection.next_event

    def noted(self):
        taken.append(None)
        return next_event(self)

    monkeypatch.setattr(h11.Connection, "next_event", noted)
    return taken


@pytest.mark.parametrize(("flood", "outcome"), SENT_AT_ONCE.values(), ids=SENT_AT_ONCE.keys())
async def test_what_one_flood_costs(flood, outcome, steps):
    """Bytes and steps are bounded, and every few steps the event loop has a turn."""
    async with serving(says(flood, stay_silent)) as server, egress() as client:
        sizes = counting_reads(client)
        async with counting_turns() as turns:
            answer = await post(client, server.url)
        assert len(client.transport.idle) == 0
    assert answer.outcome is outcome
    assert sum(sizes) <= (MAX_WIRE_BYTES if answer.status_code else MAX_HEAD_BYTES)
    assert len(steps) <= MAX_STEPS
    assert turns.count >= len(steps) // STEPS_IN_A_TURN


async def test_packets_of_one_byte(steps):
    """A body that comes byte by byte is read in a bounded number of steps; its status counts."""
    script = goes_on(HEAD + b"content-length: 60000\r\n\r\n", b"x", pace=0)
    async with serving(script) as server, egress() as client:
        answer = await post(client, server.url)
    assert answer.outcome is Outcome.DELIVERED
    assert len(steps) <= MAX_STEPS


@pytest.mark.parametrize("surplus", [0, 1])
@pytest.mark.parametrize("interim", [b"", INTERIM * 20])
async def test_the_longest_heads(surplus, interim):
    """Heads of 16 KiB in all are read, interim ones included; a byte more is a failure."""
    head = HEAD + b"content-length: 2\r\na: %b\r\n\r\n"
    room = MAX_HEAD_BYTES - len(interim) - len(head % b"") + surplus
    reply = interim + head % (b"x" * room) + b"ok"
    async with serving(says(reply, stay_silent)) as server, egress() as client:
        answer = await post(client, server.url)
    if surplus:
        assert answer.outcome is Outcome.PROTOCOL_ERROR
        assert answer.error == (
            "the head of the receiver's answer, with interim answers (1xx), is too long"
        )
    else:
        assert (answer.outcome, answer.body) == (Outcome.DELIVERED, "ok")


@pytest.mark.parametrize("size", [4_096, 60_000, 65_536])
@pytest.mark.parametrize("chunk", [256, 4_096])
async def test_ordinary_large_replies(size, chunk):
    """A reply of up to 64 KiB is read to its end, and its connection is kept."""
    chunks = [b"%x\r\n%b\r\n" % (chunk, b"x" * chunk)] * (size // chunk)
    reply = CHUNKED + b"".join(chunks) + b"0\r\nchecksum: 1\r\n\r\n"
    async with serving(says(reply, stay_silent)) as server, egress() as client:
        answer = await post(client, server.url)
        assert len(client.transport.idle) == 1
    assert (answer.outcome, answer.body) == (Outcome.DELIVERED, "x" * 4_096)


@pytest.mark.parametrize("name", ["chunks of one byte", "short interim heads"])
async def test_sixty_floods_at_once(name):
    """All together they take one turn of the event loop at a time; POSTs of others go through."""
    flood, outcome = SENT_AT_ONCE[name]
    shares = []

    async with (
        serving(says(flood, stay_silent)) as hostile,
        serving(says(ok())) as healthy,
        egress() as client,
        counting_turns(lambda: shares.append(client.transport.turns.count)) as turns,
    ):
        floods = [asyncio.create_task(post(client, hostile.url)) for _ in range(FLOODS)]
        await assert_eventually(lambda: client.transport.turns.count > 0)
        before = turns.count
        assert (await post(client, healthy.url)).outcome is Outcome.DELIVERED
        needed = turns.count - before
        answers = await asyncio.gather(*floods)
    assert {it.outcome for it in answers} <= {outcome, Outcome.TIMEOUT}
    assert max(later - sooner for sooner, later in pairwise(shares)) <= 1
    assert needed < 100
