"""What a receiver answers, proper or not, becomes an outcome and never an exception."""

import asyncio
import gzip
import re

import pytest
from support.egress_client import BODY, TIMEOUT, counting_reads, egress, post
from support.hostile import goes_on, hang_up, ok, reset, says, serving, stay_silent, unused_port

from hookwright.outcomes import Outcome

HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (b"200 OK", Outcome.DELIVERED),
        (b"201 Created", Outcome.DELIVERED),
        (b"299 Whatever", Outcome.DELIVERED),
        (b"200", Outcome.DELIVERED),
        (b"300 Multiple Choices", Outcome.HTTP_ERROR),
        (b"304 Not Modified", Outcome.HTTP_ERROR),
        (b"400 Bad Request", Outcome.HTTP_ERROR),
        (b"410 Gone", Outcome.HTTP_ERROR),
        (b"429 Too Many Requests", Outcome.HTTP_ERROR),
        (b"500 Internal Server Error", Outcome.HTTP_ERROR),
        (b"599 Whatever", Outcome.HTTP_ERROR),
        (b"999 Whatever", Outcome.HTTP_ERROR),
    ],
)
async def test_statuses(status, outcome):
    """2xx is delivered, every other status is the receiver's failure, and names the status."""
    async with serving(says(ok(b"hello", status=status))) as server, egress() as client:
        answer = await post(client, server.url)
    code = int(status[:3])
    assert (answer.outcome, answer.status_code) == (outcome, code)
    assert answer.body == ("" if code == 304 else "hello")
    assert answer.error in (None, f"the receiver answered {code}")


async def test_every_status():
    """From 200 to 299 is delivered, all beyond is the receiver's failure, and 1xx is no answer."""
    statuses = iter(range(100, 1000))

    async def next_status(reader, writer):
        await says(ok(status=b"%d X" % next(statuses)))(reader, writer)

    async with serving(next_status) as server, egress() as client:
        answers = {status: await post(client, server.url) for status in range(100, 1000)}
    assert {it.outcome for status, it in answers.items() if status < 200} == {
        Outcome.PROTOCOL_ERROR
    }
    for status in range(200, 1000):
        expected = Outcome.DELIVERED if status < 300 else Outcome.HTTP_ERROR
        assert (answers[status].outcome, answers[status].status_code) == (expected, status)


async def test_what_is_sent():
    """The body arrives as given, once, with the headers as given and no others but Host's kind."""
    async with serving(says(ok())) as server, egress() as client:
        await post(client, server.url)
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    line, *fields = head.lower().split(b"\r\n")
    assert line == b"post /in http/1.1"
    assert body == BODY
    assert {field.split(b":")[0] for field in fields} == {
        b"host",
        b"accept",
        b"content-length",
        b"content-type",
        b"webhook-id",
    }


@pytest.mark.parametrize("status", [b"301 M", b"302 F", b"303 S", b"307 T", b"308 P"])
async def test_redirects_are_not_followed(status):
    """A redirect is a failure; where it points to is never asked."""
    async with serving(says(ok())) as trap:
        location = b"location: " + trap.url.encode()
        async with serving(says(ok(b"", location, status=status))) as server, egress() as client:
            answer = await post(client, server.url)
        assert answer.outcome is Outcome.HTTP_ERROR
        assert answer.status_code == int(status[:3])
        assert trap.url in answer.error
        assert trap.connections == 0


async def test_a_redirect_to_itself():
    """A chain of redirects without end is one failure, of one request."""
    async with serving(says(ok(b"", b"location: /in", status=b"308 P"))) as server:
        async with egress() as client:
            answer = await post(client, server.url)
        assert (answer.outcome, answer.status_code) == (Outcome.HTTP_ERROR, 308)
        assert len(server.requests) == 1


async def test_cookies_are_not_kept():
    """A cookie that one endpoint sets is not sent to it or to another again."""
    async with serving(says(ok(b"ok", b"set-cookie: a=1; path=/"))) as server, egress() as client:
        await post(client, server.url)
        await post(client, server.url)
    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_connection_refused():
    """A port where nothing listens is a connection error."""
    async with egress() as client:
        answer = await post(client, f"http://127.0.0.1:{unused_port()}/in")
    assert answer.outcome is Outcome.CONNECTION_ERROR


NEVER_ENDING = {
    "never answers": says(b"", stay_silent),
    "stops within the status line": says(b"HTTP/1.1 20", stay_silent),
    "stops within the headers": says(HEAD + b"a: b\r\n", stay_silent),
    "stops within the body": says(HEAD + b"content-length: 9\r\n\r\nabc", stay_silent),
    "drips the status line": goes_on(b"HTTP/1.1 200 ", b"O"),
    "drips headers": goes_on(HEAD, b"a: b\r\n"),
    "drips one header": goes_on(HEAD + b"a: ", b"b"),
    "drips the body": goes_on(HEAD + b"content-length: 60000\r\n\r\n", b"x"),
    "drips chunks": goes_on(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "drips a body without length": goes_on(HEAD + b"\r\n", b"x"),
    "announces for ever": goes_on(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("script", NEVER_ENDING.values(), ids=NEVER_ENDING.keys())
async def test_no_answer_in_time(script):
    """However a receiver stalls, the attempt is a timeout, at most half a second late."""
    async with serving(script) as server, egress() as client:
        answer = await post(client, server.url, TIMEOUT)
        assert len(client.transport.idle) == 0
    assert answer.outcome is Outcome.TIMEOUT
    assert answer.error.endswith("no complete answer within 0.4 s")
    assert server.connections == 1


@pytest.mark.parametrize("name", ["stops within the body", "drips chunks"])
async def test_the_status_of_an_endless_answer(name):
    """An answer whose body has no end is a timeout, and the log shows the status that it had."""
    async with serving(NEVER_ENDING[name]) as server, egress() as client:
        answer = await post(client, server.url, TIMEOUT)
    assert (answer.outcome, answer.status_code) == (Outcome.TIMEOUT, 200)
    assert answer.error.startswith("the receiver answered 200, but: ")


async def test_a_name_that_never_resolves():
    """The timeout bounds the look-up of the name too."""

    async def resolve(_, __):
        await asyncio.Event().wait()

    async with egress(resolve=resolve) as client:
        answer = await post(client, "http://hooks.example.com/", TIMEOUT)
    assert answer.outcome is Outcome.TIMEOUT


BROKEN = {
    "announces for ever, fast": (
        goes_on(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", pace=0),
        Outcome.PROTOCOL_ERROR,
    ),
    "hangs up at once": (says(b""), Outcome.CONNECTION_ERROR),
    "hangs up in the headers": (says(HEAD + b"a: b\r\n"), Outcome.PROTOCOL_ERROR),
    "HTTP/0.9": (says(b"<html>ok</html>\r\n\r\n"), Outcome.PROTOCOL_ERROR),
    "HTTP/2 from the start": (says(b"\0\0\x12\4\0\0\0\0\0"), Outcome.PROTOCOL_ERROR),
    "is not HTTP": (says(b"SSH-2.0-OpenSSH_9.6\r\n"), Outcome.PROTOCOL_ERROR),
    "no status": (says(b"HTTP/1.1 abc OK\r\n\r\n"), Outcome.PROTOCOL_ERROR),
    "status of four digits": (says(b"HTTP/1.1 2000 OK\r\n\r\n"), Outcome.PROTOCOL_ERROR),
    "another version": (says(b"HTTP/9 200 OK\r\n\r\n"), Outcome.PROTOCOL_ERROR),
    "header without colon": (says(HEAD + b"nonsense\r\n\r\n"), Outcome.PROTOCOL_ERROR),
    "NUL in a header": (says(HEAD + b"a: b\0c\r\n\r\n"), Outcome.PROTOCOL_ERROR),
    "length too long": (says(HEAD + b"content-length: 9\r\n\r\nabc"), Outcome.PROTOCOL_ERROR),
    "length no number": (says(HEAD + b"content-length: x\r\n\r\n"), Outcome.PROTOCOL_ERROR),
    "length negative": (says(HEAD + b"content-length: -1\r\n\r\n"), Outcome.PROTOCOL_ERROR),
    "two lengths": (
        says(HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab"),
        Outcome.PROTOCOL_ERROR,
    ),
    "chunk no number": (
        says(HEAD + b"transfer-encoding: chunked\r\n\r\nxyz\r\n"),
        Outcome.PROTOCOL_ERROR,
    ),
    "10 MB of headers": (
        says(HEAD + b"a: %b\r\n\r\n" % (b"b" * 10_000_000)),
        Outcome.PROTOCOL_ERROR,
    ),
    "10 MB of header lines": (
        says(HEAD + b"a: b\r\n" * 1_600_000 + b"\r\n"),
        Outcome.PROTOCOL_ERROR,
    ),
    "resets at once": (says(b"", reset), Outcome.CONNECTION_ERROR),
    "resets in the body": (
        says(HEAD + b"content-length: 9\r\n\r\nabc", reset),
        Outcome.CONNECTION_ERROR,
    ),
}


BROKEN_IN_THE_BODY = {"length too long", "chunk no number", "resets in the body"}
"""Those whose head was whole, so that the log shows its status."""


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_answers(name):
    """An answer that is not HTTP, or is cut off, is a failure with a sentence of its own."""
    script, outcome = BROKEN[name]
    async with serving(script) as server, egress() as client:
        answer = await post(client, server.url)
        assert answer.outcome is outcome
        assert answer.status_code == (200 if name in BROKEN_IN_THE_BODY else None)
        assert (answer.status_code is None) == (answer.body is None)
        assert answer.error
        assert not re.fullmatch(r"\w+(Error|Exception)\W*", answer.error)


async def test_length_too_short():
    """What follows the announced length is not read, and not taken for the next answer."""
    script = says(HEAD + b"content-length: 2\r\n\r\nokHTTP/1.1 500 X\r\n\r\n", hang_up)
    async with serving(script) as server, egress() as client:
        for _ in range(2):
            answer = await post(client, server.url)
            assert (answer.outcome, answer.body) == (Outcome.DELIVERED, "ok")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"\xff\xfe ok \xc3", "\ufffd\ufffd ok \ufffd"),
        (b"Zo\xc3\xab", "Zoë"),
        (b"\xff" * 4096, "\ufffd" * 1365),
        ("é".encode() * 2048 + b"x", "é" * 2048),
        (b"x" + "é".encode() * 2048, "x" + "é" * 2047),
        (b"a\0b", "a\0b"),
        (b"", ""),
    ],
)
async def test_bodies_as_text(sent, kept):
    """A body is kept as text of at most 4 KiB, cut between characters, bad bytes replaced."""
    async with serving(says(ok(sent))) as server, egress() as client:
        answer = await post(client, server.url)
    assert (answer.outcome, answer.body) == (Outcome.DELIVERED, kept)


async def test_compressed_bodies_stay_raw():
    """A compressed body is never unpacked, so that a bomb stays as small as it was sent."""
    bomb = gzip.compress(bytes(1_000_000))
    async with serving(says(ok(bomb, b"content-encoding: gzip"))) as server, egress() as client:
        answer = await post(client, server.url)
    assert (answer.outcome, answer.body) == (Outcome.DELIVERED, bomb.decode(errors="replace"))


async def test_large_bodies_are_not_read_to_their_end():
    """Of 1 MB no more than 80 KiB is read, head included; 4 KiB is kept."""
    async with serving(says(ok(b"x" * 1_000_000), stay_silent)) as server, egress() as client:
        sizes = counting_reads(client)
        answer = await post(client, server.url)
    assert answer.outcome is Outcome.DELIVERED
    assert answer.body == "x" * 4096
    assert 4096 <= sum(sizes) <= 81_920


async def test_endless_bodies():
    """A body without end is cut off at 64 KiB, well before the timeout: the status counts."""
    head = HEAD + b"transfer-encoding: chunked\r\n\r\n"
    script = goes_on(head, b"1000\r\n" + b"x" * 4096 + b"\r\n", pace=0)
    async with serving(script) as server, egress() as client:
        answer = await post(client, server.url)
    assert (answer.outcome, answer.body) == (Outcome.DELIVERED, "x" * 4096)


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ([b"retry-after: 120"], "120"),
        ([b"Retry-After: 1", b"retry-after: 2"], "1"),
        ([b"retry-after: " + b"9" * 5000], "9" * 128),
        ([b"retry-after: \xe9"], "é"),
        ([b"retry-after:"], ""),
        ([b"retry-after: -1"], "-1"),
        ([b"retry-after: 1e309"], "1e309"),
        ([b"retry-after: Fri, 31 Dec 9999 23:59:59 GMT"], "Fri, 31 Dec 9999 23:59:59 GMT"),
        ([], None),
    ],
)
async def test_retry_after_is_handed_on(headers, asked):
    """The first Retry-After is handed on as text, at most 128 characters of it."""
    reply = ok(b"", *headers, status=b"503 Busy")
    async with serving(says(reply)) as server, egress() as client:
        answer = await post(client, server.url)
    assert answer.retry_after == asked


async def test_the_body_that_was_sent():
    """An answer has the body if the request was sent, whatever the receiver did with it."""
    for behaviour in (says(ok()), hang_up, reset):
        async with serving(behaviour) as server, egress() as client:
            answer = await post(client, server.url)
        assert answer.sent_body == BODY


async def test_no_body_was_sent():
    """Without a connection, or to an address that is refused, nothing was sent."""
    async with egress() as client:
        for url in (f"http://127.0.0.1:{unused_port()}/", "http://10.0.0.1/", "ftp://127.0.0.1/"):
            answer = await post(client, url)
            assert answer.error
            assert answer.sent_body is None
