"""Egress through a CONNECT proxy: what goes through it, what it may refuse, what we still check."""

import asyncio
import base64

import pytest
import trustme
from support.certificates import issued, pem
from support.connect_proxy import ESTABLISHED, proxying
from support.egress_client import BODY, HEADERS, TIMEOUT, egress, post, raises
from support.hostile import hang_up, mute, ok, says, serving, stay_silent, unused_port

from activities.egress import Proxy
from activities.egress.proxied_network import ProxyUnreachableError
from hookwright.outcomes import Outcome
from hookwright.security import DestinationPolicy

HOST = "hooks.example.com"
ONLY_PUBLIC = DestinationPolicy(allow_http=True)


def through(proxy: Proxy, **more: object):
    """Open the client with this proxy; a name that is looked up here is an error."""
    return egress(ONLY_PUBLIC, raises(AssertionError), proxy=proxy, **more)


async def test_plain_http_is_tunnelled_too():
    """The proxy is asked for the name, which nobody here resolves; the request is as without it."""
    async with serving(says(ok())) as server, proxying() as proxy, through(proxy.proxy) as client:
        answer = await post(client, server.named(HOST))
    assert answer.outcome is Outcome.DELIVERED
    assert proxy.targets == [f"{HOST}:{server.port}"]
    assert server.requests[0].startswith(b"POST /in HTTP/1.1\r\n")
    assert b"proxy" not in server.requests[0].lower()


@pytest.mark.parametrize("proxy_speaks_tls", [False, True])
async def test_tls_within_the_tunnel(proxy_speaks_tls):
    """TLS is spoken with the receiver, by its name, through a proxy with TLS or without."""
    authority = trustme.CA()
    front = issued(authority, "127.0.0.1") if proxy_speaks_tls else None
    async with (
        serving(says(ok()), issued(authority, HOST)) as server,
        proxying(tls=front) as proxy,
        through(proxy.proxy, authorities=pem(authority)) as client,
    ):
        answer = await post(client, server.named(HOST, "https"))
    assert answer.outcome is Outcome.DELIVERED
    assert proxy.targets == [f"{HOST}:{server.port}"]


async def test_a_tunnel_is_used_again():
    """A second webhook to the same receiver goes through the tunnel that is open."""

    async def twice(reader, writer):
        writer.write(ok())
        await reader.readuntil(BODY)
        writer.write(ok())
        await hang_up(reader, writer)

    async with serving(twice) as server, proxying() as proxy, through(proxy.proxy) as client:
        answers = [await post(client, server.named(HOST)) for _ in range(2)]
    assert [it.outcome for it in answers] == [Outcome.DELIVERED] * 2
    assert len(proxy.targets) == 1


async def test_credentials():
    """The proxy's URL may hold a user and a password; the proxy gets them, and nobody else."""
    async with serving(says(ok())) as server, proxying() as running:
        proxy = Proxy.parse(f"http://us%40er:p%3Ass@127.0.0.1:{running.port}")
        async with through(proxy) as client:
            await post(client, server.named(HOST))
    expected = base64.b64encode(b"us@er:p:ss")
    assert b"Proxy-Authorization: Basic " + expected + b"\r\n" in running.asked[0]
    assert expected not in server.requests[0]
    assert "p:ss" not in repr(proxy)
    assert expected.decode() not in repr(proxy)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://localhost/",
        "https://metadata.google.internal/",
        "https://hooks.example.com:6379/",
        "gopher://hooks.example.com/",
    ],
)
async def test_what_is_still_checked_here(url):
    """A URL with a forbidden address, internal name, port or scheme does not reach the proxy."""
    async with proxying() as proxy, through(proxy.proxy) as client:
        answer = await post(client, url)
    assert answer.outcome is Outcome.BLOCKED_DESTINATION
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("said", "outcome", "error"),
    [
        (b"HTTP/1.1 403 No\r\n\r\n", Outcome.BLOCKED_DESTINATION, "the egress proxy refused: 403"),
        (b"HTTP/1.1 407 No\r\n\r\n", Outcome.BLOCKED_DESTINATION, "the egress proxy refused: 407"),
        (b"HTTP/1.1 502 10.0.0.1\r\n\r\n", Outcome.CONNECTION_ERROR, "proxy answered 502"),
        (b"HTTP/1.1 302 F\r\nLocation: /\r\n\r\n", Outcome.CONNECTION_ERROR, "answered 302"),
        (b"HTTP/1.1 101 Switch\r\n\r\n", Outcome.CONNECTION_ERROR, "does not speak HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Outcome.CONNECTION_ERROR, "does not speak HTTP"),
        (b"", Outcome.CONNECTION_ERROR, "does not speak HTTP"),
        (
            b"HTTP/1.1 200 OK\r\na: " + b"b" * 1_000_000,
            Outcome.CONNECTION_ERROR,
            "does not speak HTTP",
        ),
        (b"HTTP/1.1 100 Go on\r\n\r\n" + ESTABLISHED, Outcome.DELIVERED, ""),
    ],
)
async def test_what_the_proxy_answers(said, outcome, error):
    """A refusal is a blocked destination; whatever else it says but yes, there is no connection."""
    async with (
        serving(says(ok())) as server,
        proxying(lambda _: said) as proxy,
        through(proxy.proxy) as client,
    ):
        answer = await post(client, server.named(HOST))
        assert answer.outcome is outcome
        assert error in (answer.error or "")
        assert "10.0.0.1" not in (answer.error or "")
        assert len(client.transport.idle) == (outcome is Outcome.DELIVERED)


async def test_a_proxy_that_is_away():
    """Without the proxy nothing is sent, and it is our fault: the attempt does not count."""
    async with through(Proxy("127.0.0.1", unused_port())) as client:
        with pytest.raises(ProxyUnreachableError, match="the egress proxy cannot be reached"):
            await client.post(f"https://{HOST}/", HEADERS, BODY, 5)


async def test_a_proxy_that_nobody_vouches_for():
    """A proxy whose certificate is not trusted gets neither the webhook nor the credentials."""
    tls = issued(trustme.CA(), "127.0.0.1")
    async with proxying(tls=tls) as proxy, through(proxy.proxy) as client:
        with pytest.raises(ProxyUnreachableError):
            await client.post(f"https://{HOST}/", HEADERS, BODY, 5)
    assert proxy.asked == []


async def test_a_proxy_that_never_answers():
    """The timeout holds for the tunnel as well, and the connection is closed."""
    async with mute() as server, through(Proxy("127.0.0.1", server.port)) as client:
        answer = await post(client, f"https://{HOST}/", TIMEOUT)
        assert answer.outcome is Outcome.TIMEOUT
        async with asyncio.timeout(5):
            await server.left.wait()


async def test_handshakes_that_fail_do_not_pile_up():
    """A tunnel whose TLS handshake fails or never ends does not stay in the pool."""
    for script in (says(b"nonsense"), stay_silent):
        async with (
            serving(script) as server,
            proxying() as proxy,
            through(proxy.proxy) as client,
        ):
            for _ in range(3):
                answer = await post(client, server.named(HOST, "https"), TIMEOUT)
                assert answer.outcome in (Outcome.TLS_ERROR, Outcome.TIMEOUT)
            assert len(client.transport.idle) == 0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proxy.internal:4750",
        "socks5://proxy.internal:1080",
        "http://",
        "http://:4750",
        "http://proxy.internal:99999",
        "http://proxy.internal:4750/path",
        "http://proxy.internal:4750?a=b",
        "http://[::1",
    ],
)
def test_urls_of_no_proxy(url):
    """What is no proxy's URL is refused, and not repeated."""
    with pytest.raises(ValueError, match=r"^write it as http://host:port$"):
        Proxy.parse(url)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy.internal:4750", Proxy("proxy.internal", 4750)),
        ("http://proxy.internal/", Proxy("proxy.internal", 80)),
        ("https://[fd00::1]", Proxy("fd00::1", 443, tls=True)),
    ],
)
def test_urls_of_proxies(url, proxy):
    """Scheme, host and port are read, the port by default the scheme's."""
    assert Proxy.parse(url) == proxy
