"""Receivers that send without end, or more than fits: memory does not grow with what they send."""

import gzip
import tracemalloc

import pytest
from support.egress_client import BODY, HEADERS, TIMEOUT, egress
from support.hostile import goes_on, ok, says, serving

from hookwright.outcomes import Outcome

MAX_GROWTH = 10_000_000
PIECE = b"x" * 65_536
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
BOMB = gzip.compress(gzip.compress(bytes(100_000_000)))

GREEDY = {
    "a body of 100 MB": (
        goes_on(HEAD + b"content-length: 100000000\r\n\r\n", PIECE, pace=0),
        Outcome.DELIVERED,
    ),
    "a body without end": (goes_on(HEAD + b"\r\n", PIECE, pace=0), Outcome.DELIVERED),
    "one chunk of 100 MB": (goes_on(CHUNKED + b"5f5e100\r\n", PIECE, pace=0), Outcome.DELIVERED),
    "chunks of one byte": (goes_on(CHUNKED, b"1\r\nx\r\n" * 10_000, pace=0), Outcome.DELIVERED),
    "a chunk's size without end": (goes_on(CHUNKED, b"0" * 65_536, pace=0), None),
    "a chunk's extension without end": (goes_on(CHUNKED + b"1;", PIECE, pace=0), None),
    "trailers without end": (goes_on(CHUNKED + b"0\r\n", b"a: b\r\n" * 10_000, pace=0), None),
    "a gzip bomb": (says(ok(BOMB, b"content-encoding: gzip")), Outcome.DELIVERED),
    "one header without end": (goes_on(HEAD + b"a: ", PIECE, pace=0), None),
    "headers without end": (goes_on(HEAD, b"a: b\r\n" * 10_000, pace=0), None),
    "a status line without end": (goes_on(b"HTTP/1.1 200 ", PIECE, pace=0), None),
    "1xx without end": (
        goes_on(b"", b"HTTP/1.1 103 Early Hints\r\na: b\r\n\r\n" * 1_000, pace=0),
        None,
    ),
}


@pytest.mark.parametrize(("script", "outcome"), GREEDY.values(), ids=GREEDY.keys())
async def test_memory_does_not_grow(script, outcome):
    """Whatever a receiver sends, less than 10 MB are held of it, both ends taken together."""
    async with serving(script) as server, egress() as client:
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            answer = await client.post(server.url, HEADERS, BODY, TIMEOUT)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak - before < MAX_GROWTH
    assert answer.outcome is (outcome or Outcome.PROTOCOL_ERROR)
