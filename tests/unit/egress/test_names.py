"""Names: what the resolver answers decides, once, and what was vetted is dialled."""

import itertools

import pytest
import structlog
from support.egress_client import LOOPBACK, answers, egress, post, raises
from support.hostile import ok, says, serving

from activities.egress.resolver import NameResolutionError, SystemResolver
from hookwright.outcomes import Outcome
from hookwright.security import DestinationPolicy, parse_networks


async def test_a_name_is_dialled_at_its_address():
    """A name that resolves to an allowed address is reached there, under its own name."""
    async with serving(says(ok())) as server, egress() as client:
        answer = await post(client, server.named("hooks.example.com"))
    assert answer.outcome is Outcome.DELIVERED
    assert f"host: hooks.example.com:{server.port}\r\n".encode() in server.requests[0].lower()


async def test_a_name_beyond_ascii():
    """A name with letters beyond ASCII is posted to as well."""
    async with serving(says(ok())) as server, egress() as client:
        answer = await post(client, server.named("bücher.example"))
    assert answer.outcome is Outcome.DELIVERED
    assert b"host: xn--bcher-kva.example:" in server.requests[0].lower()


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.2"],
        ["127.0.0.1", "127.0.0.2"],
        ["127.0.0.2", "127.0.0.1"],
        ["127.0.0.1", "::1"],
        ["127.0.0.1", "::ffff:127.0.0.1"],
        ["127.0.0.1", "64:ff9b::7f00:1"],
        ["127.0.0.1", "fe80::1%lo"],
        ["127.0.0.1", "169.254.169.254"],
        ["127.0.0.1"] * 50 + ["10.0.0.1"],
    ],
)
async def test_one_forbidden_answer_is_enough(addresses):
    """If any answer is forbidden nothing is dialled, not even the allowed ones."""
    async with serving(says(ok())) as server, egress(resolve=answers(*addresses)) as client:
        answer = await post(client, server.named("hooks.example.com"))
    assert answer.outcome is Outcome.BLOCKED_DESTINATION
    assert server.connections == 0


async def test_public_and_loopback():
    """With nothing opened, a name that answers public and loopback addresses is refused."""
    resolve = answers("93.184.215.14", "127.0.0.1")
    policy = DestinationPolicy(allow_http=True)
    async with serving(says(ok())) as server, egress(policy, resolve) as client:
        answer = await post(client, server.named("hooks.example.com"))
    assert answer.outcome is Outcome.BLOCKED_DESTINATION
    assert server.connections == 0


async def test_a_name_that_flips():
    """A name that flips between an allowed and a forbidden address never reaches the forbidden."""
    flips = itertools.cycle(["127.0.0.2", "127.0.0.1"])
    asked = []

    async def resolve(host, tenant_id):
        asked.append((host, tenant_id))
        return [next(flips)]

    policy = DestinationPolicy(allow_http=True, allow_networks=parse_networks(["127.0.0.2/32"]))
    async with serving(says(ok())) as forbidden, egress(policy, resolve) as client:
        url = forbidden.named("hooks.example.com")
        outcomes = [(await post(client, url)).outcome for _ in range(1_000)]
    # Nothing listens at the allowed address: had a check and a dial asked the resolver one by one,
    # the dial would have found the forbidden server instead.
    assert outcomes == [Outcome.CONNECTION_ERROR, Outcome.BLOCKED_DESTINATION] * 500
    assert forbidden.connections == 0
    assert asked == [("hooks.example.com", "")] * 1_000


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://2130706433/",
        "http://user@127.0.0.1/",
        "ftp://127.0.0.1/",
        "http://127.0.0.1:6379/",
        "nonsense",
        "",
        "http://\ud800/",
        "http://hooks.example.com/é",
    ],
)
async def test_urls_that_may_not_be_registered(url):
    """A URL that was stored under a wider policy is refused before any name is resolved."""
    async with egress(resolve=raises(AssertionError)) as client:
        answer = await post(client, url)
    assert answer.outcome is Outcome.BLOCKED_DESTINATION


async def test_a_name_without_an_answer():
    """A name that does not resolve, or to no address, is a DNS error."""
    for resolve in (raises(lambda: NameResolutionError("no such host")), answers()):
        async with egress(resolve=resolve) as client:
            answer = await post(client, "http://hooks.example.com/")
        assert answer.outcome is Outcome.DNS_ERROR


async def test_the_systems_resolver():
    """The operating system's resolver knows loopback, and says when there is no such name."""
    resolve = SystemResolver()
    assert "127.0.0.1" in await resolve("localhost", "t1")
    assert await resolve("127.0.0.1", "t1") == ["127.0.0.1"]
    for name in ("a" * 64 + ".invalid", "\udcff.invalid"):
        with pytest.raises(NameResolutionError, match="does not resolve"):
            await resolve(name, "t1")


async def test_the_second_address_is_tried():
    """Where one allowed address refuses the connection, the next is dialled."""
    policy = DestinationPolicy(allow_http=True, allow_networks=parse_networks(["127.0.0.0/8"]))
    resolve = answers("127.0.0.2", "127.0.0.1")
    async with serving(says(ok())) as server, egress(policy, resolve) as client:
        answer = await post(client, server.named("hooks.example.com"))
    assert answer.outcome is Outcome.DELIVERED


async def test_a_fault_of_ours():
    """An unforeseen exception is a failed attempt too, and is logged with its traceback."""
    async with egress(LOOPBACK, raises(lambda: RuntimeError("boom"))) as client:
        with structlog.testing.capture_logs() as logged:
            answer = await post(client, "http://hooks.example.com/")
    assert answer.outcome is Outcome.PROTOCOL_ERROR
    (entry,) = logged
    assert (entry["event"], entry["log_level"]) == ("egress.unexpected_error", "error")
    assert str(entry["exc_info"]) == "boom"


async def test_a_header_that_cannot_be_sent():
    """A header that HTTP does not allow is an internal fault, not a refusal of the destination."""
    async with serving(says(ok())) as server, egress() as client:
        for value in ("a\nb", "é", "\ud800"):
            answer = await client.post(server.url, {"x-test": value}, b"", 5)
            assert answer.outcome is Outcome.PROTOCOL_ERROR
    assert server.requests == []
