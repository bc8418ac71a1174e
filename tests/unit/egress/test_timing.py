"""The phases of a POST and the headers sent, as the log shows them, against real servers."""

import asyncio

import pytest
import trustme
from support.certificates import issued, pem
from support.connect_proxy import proxying
from support.egress_client import BODY, HEADERS, LOOPBACK, TIMEOUT, egress, post, raises
from support.hostile import mute, ok, says, serving, stay_silent, unused_port

from activities.egress.resolver import NameResolutionError
from hookwright.models import Timing
from hookwright.outcomes import Outcome

HOST = "hooks.example.com"
AUTHORITY = trustme.CA()
SLOW_MS = 60
"""What a slow name, or a slow answer, takes here; clocks may differ by one."""


async def slow_name(_: str, __: str) -> list[str]:
    await asyncio.sleep(SLOW_MS / 1000)
    return ["127.0.0.1"]


async def slow_answer(reader, writer):
    """Think before each of two answers on one connection."""
    await asyncio.sleep(SLOW_MS / 1000)
    writer.write(ok())
    await reader.readuntil(BODY)
    await asyncio.sleep(SLOW_MS / 1000)
    writer.write(ok())


def came_as_far_as(timing: Timing) -> list[str]:
    """Return the phases that have a time; no time is negative."""
    took = timing.model_dump(exclude_none=True)
    assert all(milliseconds >= 0 for milliseconds in took.values())
    return list(took)


async def test_every_phase_over_tls():
    """Each phase has its own time: what the name takes is not in the connection's."""
    loop = asyncio.get_running_loop()
    tls = issued(AUTHORITY, HOST)
    async with (
        serving(slow_answer, tls) as server,
        egress(resolve=slow_name, authorities=pem(AUTHORITY)) as client,
    ):
        began = loop.time()
        answer = await post(client, server.named(HOST, "https"))
        all_ms = (loop.time() - began) * 1000
    assert answer.outcome is Outcome.DELIVERED
    assert came_as_far_as(answer.timing) == ["dns_ms", "connect_ms", "tls_ms", "first_byte_ms"]
    took = answer.timing
    assert min(took.dns_ms, took.first_byte_ms) >= SLOW_MS - 1
    assert took.dns_ms + took.connect_ms + took.tls_ms + took.first_byte_ms <= all_ms + 2


async def test_a_connection_used_again():
    """Who comes over a connection that is there shows neither name, connection nor handshake."""
    tls = issued(AUTHORITY, HOST)
    async with serving(slow_answer, tls) as server, egress(authorities=pem(AUTHORITY)) as client:
        url = server.named(HOST, "https")
        first, second = await post(client, url), await post(client, url)
    assert server.connections == 1
    assert first.timing.tls_ms is not None
    assert came_as_far_as(second.timing) == ["first_byte_ms"]
    assert second.timing.first_byte_ms >= SLOW_MS - 1


async def test_posts_at_once_have_clocks_of_their_own():
    """Of many POSTs at once each shows its own times, not its neighbour's."""
    slow = asyncio.Event()

    async def resolve(host: str, _: str) -> list[str]:
        if host.startswith("slow"):
            await slow.wait()
        return ["127.0.0.1"]

    async with serving(says(ok())) as server, egress(resolve=resolve) as client:
        waiting = [asyncio.create_task(post(client, server.named(f"slow{n}"))) for n in range(5)]
        quick = await asyncio.gather(*(post(client, server.named(f"quick{n}")) for n in range(5)))
        await asyncio.sleep(SLOW_MS / 1000)
        slow.set()
        late = await asyncio.gather(*waiting)
    assert min(answer.timing.dns_ms for answer in late) >= SLOW_MS - 1
    for answer in [*quick, *late]:
        assert came_as_far_as(answer.timing) == ["dns_ms", "connect_ms", "first_byte_ms"]


async def test_an_address_needs_no_name():
    """A URL with an address in place of a name shows no resolution; plain http no handshake."""
    async with serving(says(ok())) as server, egress() as client:
        answer = await post(client, server.url)
    assert came_as_far_as(answer.timing) == ["connect_ms", "first_byte_ms"]


async def test_through_a_proxy():
    """A proxy resolves the name, so there is no time for it; the tunnel is the connection."""
    tls = issued(AUTHORITY, HOST)
    async with (
        serving(says(ok()), tls) as server,
        proxying() as proxy,
        egress(LOOPBACK, proxy=proxy.proxy, authorities=pem(AUTHORITY)) as client,
    ):
        answer = await post(client, server.named(HOST, "https"))
    assert came_as_far_as(answer.timing) == ["connect_ms", "tls_ms", "first_byte_ms"]


def no_such_name() -> Exception:
    return NameResolutionError("no such name")


async def test_a_failure_shows_how_far_it_came():
    """What fails has the times of the phases that ended, and no headers that were never sent."""
    async with egress(resolve=raises(no_such_name)) as client:
        unknown = await post(client, f"http://{HOST}/")
    async with egress() as client:
        closed = await post(client, f"http://{HOST}:{unused_port()}/")
    async with serving(says(ok()), issued(AUTHORITY, HOST)) as server, egress() as client:
        expected_to_change = await post(client, server.named(HOST, "https"))
    async with egress(resolve=raises(no_such_name)) as client:
        blocked = await post(client, "http://169.254.169.254/")
    far = ((unknown, 0), (closed, 1), (expected_to_change, 2), (blocked, 0))
    for answer, phases in far:
        assert came_as_far_as(answer.timing) == ["dns_ms", "connect_ms"][:phases]
        assert answer.sent == {}
    assert expected_to_change.outcome is Outcome.TLS_ERROR


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_timeout_shows_where_the_time_went(scheme):
    """Who never answers has no first byte, and who never shakes hands no handshake either."""
    async with mute() as server, egress() as client:
        answer = await post(client, f"{scheme}://{HOST}:{server.port}/", TIMEOUT)
    assert answer.outcome is Outcome.TIMEOUT
    assert came_as_far_as(answer.timing) == ["dns_ms", "connect_ms"]


async def test_a_body_that_never_ends_has_its_first_byte():
    """A timeout in the reply's body shows that the head had come."""
    script = says(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", stay_silent)
    async with serving(script) as server, egress() as client:
        answer = await post(client, server.url, TIMEOUT)
    assert answer.outcome is Outcome.TIMEOUT
    assert came_as_far_as(answer.timing) == ["connect_ms", "first_byte_ms"]


async def test_headers_as_sent():
    """The headers are those on the wire, with names in lower case."""
    async with serving(says(ok())) as server, egress() as client:
        answer = await client.post(server.url, {"X-Case": "As It Is", **HEADERS}, BODY, 5)
    (request,) = server.requests
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    on_the_wire = dict(line.split(": ", 1) for line in lines)
    assert answer.sent == {name.lower(): value for name, value in on_the_wire.items()}
    assert answer.sent["x-case"] == "As It Is"
    assert answer.sent["content-length"] == str(len(BODY))
    assert "As It Is" not in repr(answer)
