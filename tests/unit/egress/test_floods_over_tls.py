"""Floods over https: each reply stays within its budget, and another tenant's POSTs go on.

Over TLS a reply is decrypted before its bytes can be counted, and each POST of others begins with a
handshake, which takes more turns of the event loop than plain HTTP.
"""

import asyncio
from collections import Counter

import h11
import pytest
import trustme
from support.certificates import issued, pem
from support.egress_client import counting_turns, egress, post
from support.hostile import ok, says, serving, stay_silent
from support.waiting import assert_eventually

from activities.egress.certificate_dates import DatingSSLObject
from activities.egress.reply_budget import (
    MAX_HEAD_BYTES,
    MAX_STEPS,
    MAX_WIRE_BYTES,
)
from hookwright.outcomes import Outcome

HOSTILE, HEALTHY = "floods.example.com", "hooks.example.org"
HEAD = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"
CHUNKS = HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 65_000
FLOODS, POSTS = 60, 20
PATIENCE = 50.0
"""Seconds for an attempt: nothing here is to be ended by a timeout."""


@pytest.fixture
def decrypted(monkeypatch):
    """Count the bytes that are decrypted for each connection of egress."""
    bytes_of = Counter()
    read = DatingSSLObject.read

    def counted(self, *args):
        piece = read(self, *args)
        bytes_of[self] += piece if isinstance(piece, int) else len(piece)
        return piece

    monkeypatch.setattr(DatingSSLObject, "read", counted, raising=False)
    return bytes_of


@pytest.fixture
def steps(monkeypatch):
    """Count the steps of parsing for each connection of egress."""
    steps_of = Counter()
    next_event = h11.Connection.next_event

    def counted(self):
        steps_of[self] += 1
        return next_event(self)

    monkeypatch.setattr(h11.Connection, "next_event", counted)
    return steps_of


@pytest.mark.parametrize(
    ("flood", "outcome", "most_bytes"),
    [
        (CHUNKS, Outcome.DELIVERED, MAX_WIRE_BYTES),
        (INTERIM * 10_000 + ok(), Outcome.PROTOCOL_ERROR, MAX_HEAD_BYTES),
    ],
    ids=["chunks of one byte", "interim heads"],
)
async def test_sixty_floods_over_https(flood, outcome, most_bytes, decrypted, steps):
    """Each of sixty floods ends within its budget; meanwhile POSTs of others are delivered."""
    authority = trustme.CA()
    async with (
        serving(says(flood, stay_silent), issued(authority, HOSTILE)) as hostile,
        serving(says(ok()), issued(authority, HEALTHY)) as healthy,
        egress(authorities=pem(authority)) as client,
        counting_turns() as turns,
    ):
        floods = [
            asyncio.create_task(post(client, hostile.named(HOSTILE, "https"), PATIENCE))
            for _ in range(FLOODS)
        ]
        await assert_eventually(lambda: client.transport.turns.count > 0)
        needed = []
        for _ in range(POSTS):
            before = turns.count
            answer = await post(client, healthy.named(HEALTHY, "https"), PATIENCE)
            assert answer.outcome is Outcome.DELIVERED
            needed.append(turns.count - before)
        assert not all(it.done() for it in floods)
        answers = await asyncio.gather(*floods)
    assert (hostile.connections, healthy.connections) == (FLOODS, POSTS)
    assert max(needed) < 100
    assert [it.outcome for it in answers] == [outcome] * FLOODS
    assert max(decrypted.values()) <= most_bytes
    assert max(steps.values()) <= MAX_STEPS
