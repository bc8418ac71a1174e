"""A reply is its own request's: what a receiver sends too much, or too early, harms no other."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme
from support.certificates import issued, pem
from support.egress_client import BODY, HEADERS, answers, egress
from support.hostile import ok
from support.talking import Reply, number_in, send, talking
from support.tcp_server import tcp_server
from support.waiting import assert_eventually

from activities.egress.reply_budget import MAX_PIECE_BYTES
from hookwright.outcomes import Outcome
from hookwright.security import DestinationPolicy, parse_networks

BOTH_LOOPBACKS = DestinationPolicy(
    allow_http=True, allow_networks=parse_networks(["127.0.0.0/8", "::1/128"])
)

SURPLUS = {
    "204 with a body": b"HTTP/1.1 204 No Content\r\n\r\nsurplus",
    "length too short": ok(b"ok") + b"rest",
    "stray chunk end": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n0\r\n\r\n",
    "a second reply": ok() + ok(status=b"500 X"),
    "line ends": ok() + b"\r\n\r\n",
}


@asynccontextmanager
async def numbering() -> AsyncIterator[tuple[str, list[asyncio.StreamWriter]]]:
    """Answer each request with the number of its connection; give the server's ends of them."""
    writers: list[asyncio.StreamWriter] = []

    async def talk(reader, writer):
        writers.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(len(BODY))
            writer.write(ok(b"%d" % len(writers)))

    async with tcp_server(talk) as port:
        yield f"http://127.0.0.1:{port}/in", writers


@pytest.mark.parametrize("surplus", SURPLUS.values(), ids=SURPLUS.keys())
async def test_bytes_beyond_a_reply_close_the_connection(surplus):
    """A reply with something after it counts, and the next request has a fresh connection."""

    def reply(request):
        return Reply(surplus if number_in(request) == 0 else ok(b"mine"))

    async with talking(reply) as server, egress() as client:
        first = await send(client, server.url)
        second = await send(client, server.url, 1)
    assert first.outcome is Outcome.DELIVERED
    assert (second.outcome, second.body) == (Outcome.DELIVERED, "mine")
    assert len(server.tenants) == 2


@pytest.mark.parametrize("length", [MAX_PIECE_BYTES, 2 * MAX_PIECE_BYTES, 100])
@pytest.mark.parametrize("over_tls", [False, True])
@pytest.mark.parametrize("records", [1, 2])
async def test_a_surplus_that_was_received_and_not_read(length, over_tls, records):
    """A surplus is found where a reply ends with a piece that was read, and with a TLS record."""
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %08d\r\n\r\n"
    body = b"x" * (length - len(head % 0))
    whole = head % len(body) + body
    surplus = ok(status=b"500 X")
    first = Reply(whole + surplus) if records == 1 else Reply(whole, adds=surplus)
    authority = trustme.CA()
    tls = issued(authority, "127.0.0.1") if over_tls else None

    def reply(request):
        return first if number_in(request) == 0 else Reply(ok(b"mine"))

    async with (
        talking(reply, tls=tls) as server,
        egress(authorities=pem(authority)) as client,
    ):
        assert (await send(client, server.url)).outcome is Outcome.DELIVERED
        second = await send(client, server.url, 1)
    assert (second.outcome, second.body) == (Outcome.DELIVERED, "mine")
    assert len(server.tenants) == 2


@pytest.mark.parametrize("over_tls", [False, True])
async def test_a_proper_reply_leaves_its_connection_usable(over_tls):
    """Replies without a surplus are read over one connection, with TLS and without."""
    authority = trustme.CA()
    tls = issued(authority, "127.0.0.1") if over_tls else None
    async with (
        talking(lambda _: Reply(ok(b"x" * 5_000)), tls=tls) as server,
        egress(authorities=pem(authority)) as client,
    ):
        for number in range(5):
            await send(client, server.url, number)
    assert len(server.tenants) == 1


async def test_an_idle_connection_that_speaks_is_not_used_again():
    """What comes over an idle connection is nobody's reply: the connection is closed."""
    async with numbering() as (url, writers), egress() as client:
        await send(client, url)
        writers[0].write(ok(status=b"500 X"))
        await writers[0].drain()
        kept = client.transport.idle.oldest
        await assert_eventually(lambda: kept.has_spoken)
        answer = await send(client, url, 1)
    assert (answer.outcome, answer.body) == (Outcome.DELIVERED, "2")


@pytest.mark.parametrize("surplus", ["with its reply", "while it is idle"])
@pytest.mark.parametrize("over_tls", [False, True])
async def test_who_has_sent_a_surplus_has_a_fresh_connection_each_time(surplus, over_tls):
    """A surplus may come so late that it looks like the next reply, so no connection is kept."""
    authority = trustme.CA()
    tls = issued(authority, "127.0.0.1") if over_tls else None

    def reply(request):
        if number_in(request):
            return Reply(ok(b"mine"))
        return Reply(ok() + b"more") if surplus == "with its reply" else Reply(ok(), adds=b"more")

    async with (
        talking(reply, tls=tls) as server,
        egress(authorities=pem(authority)) as client,
    ):
        await send(client, server.url, 0)
        if kept := client.transport.idle.oldest:
            await assert_eventually(lambda: kept.has_spoken)
        for number in (1, 2, 3):
            assert (await send(client, server.url, number)).body == "mine"
        await send(client, server.url, 4, tenant="another")
        assert len(client.transport.idle) == 1
    assert len(server.tenants) == 5


async def test_whoever_closes_an_idle_connection_has_sent_no_surplus():
    """A receiver that only closes what is idle keeps its next connection."""
    async with numbering() as (url, writers), egress() as client:
        await send(client, url)
        writers[0].close()
        kept = client.transport.idle.oldest
        await assert_eventually(lambda: kept.has_spoken)
        for number in (1, 2):
            await send(client, url, number)
    assert len(writers) == 2


async def test_tenants_share_no_connection():
    """Two tenants with one receiver have connections of their own, each used again."""
    async with talking(lambda _: Reply(ok())) as server, egress() as client:
        for number in range(6):
            await send(client, server.url, number, tenant=f"t{number % 2}")
        assert len(client.transport.idle) == 2
    assert server.tenants == [{"t0"}, {"t1"}]


@pytest.mark.parametrize("then", ["closes", "resets"])
async def test_closed_under_us_is_sent_once_more(then):
    """A kept connection that ends before its reply costs nothing: a fresh one has the request."""
    seen = []

    def reply(request):
        seen.append(number_in(request))
        return Reply(b"", then) if seen.count(1) == 1 and seen[-1] == 1 else Reply(ok())

    async with talking(reply) as server, egress() as client:
        first, second = await send(client, server.url), await send(client, server.url, 1)
    assert [first.outcome, second.outcome] == [Outcome.DELIVERED] * 2
    assert seen == [0, 1, 1]


@pytest.mark.parametrize("then", ["closes", "resets"])
async def test_never_after_a_byte_and_never_twice(then):
    """A reply that has begun is not asked for again, nor is one over a fresh connection."""
    began = Reply(b"HTTP/1.1 2", then)
    for replies in ([Reply(ok()), began], [Reply(b"", then)]):
        left = iter(replies)
        async with talking(lambda _, left=left: next(left)) as server, egress() as client:
            given = [await send(client, server.url, number) for number in range(len(replies))]
        assert given[-1].outcome in (Outcome.CONNECTION_ERROR, Outcome.PROTOCOL_ERROR)
        assert len(server.requests) == len(replies)


@pytest.mark.parametrize(
    "target",
    [
        "/a;b=c;d?e",
        "/in?",
        "/a%2Fb/%E4%BD%A0?q=%20a+b&sig=a%3D%3D",
        "//a//b/../c/./d",
        "/a?b?c=d?e",
        "/:@!$&'()*+,=~",
        "/p?x=[1]&y={2}",
    ],
)
async def test_the_target_is_what_was_registered(target):
    """The receiver is asked for the path and query to the letter."""
    async with talking(lambda _: Reply(ok())) as server, egress() as client:
        await send(client, server.url.removesuffix("/in") + target)
    assert server.requests[0].split(b" ")[1].decode() == target


async def test_an_ipv6_host_has_brackets():
    """The Host header of an IPv6 address is written in brackets (RFC 9110, 7.2)."""
    async with (
        talking(lambda _: Reply(ok()), "::1") as server,
        egress(BOTH_LOOPBACKS, answers("::1")) as client,
    ):
        answer = await send(client, server.url)
    assert answer.outcome is Outcome.DELIVERED
    port = server.url.rsplit(":", 1)[1].removesuffix("/in")
    assert f"\r\nhost: [::1]:{port}\r\n".encode() in server.requests[0].lower()


@pytest.mark.parametrize(("given", "sent"), [({}, b"*/*"), ({"Accept": "a/b"}, b"a/b")])
async def test_accept(given, sent):
    """A request accepts anything, unless its endpoint has a header of its own."""
    async with talking(lambda _: Reply(ok())) as server, egress() as client:
        await client.post(server.url, {**HEADERS, **given}, BODY, 5.0)
    assert re.findall(rb"(?im)^accept: (.*)\r$", server.requests[0]) == [sent]


async def test_a_dead_first_address():
    """A name whose first address refuses is reached at its next one, in the same attempt."""
    async with (
        talking(lambda _: Reply(ok())) as server,
        egress(BOTH_LOOPBACKS, answers("::1", "127.0.0.1")) as client,
    ):
        answer = await send(client, server.url.replace("127.0.0.1", "hooks.example.com"))
    assert answer.outcome is Outcome.DELIVERED
