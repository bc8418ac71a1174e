"""`hookwright listen` prints what arrives as text: nobody can control the terminal with it."""

import asyncio
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send
from support.listening import listening

from hookwright.contracts import load_contracts
from hookwright.webhook import Signable, generate_secret, sign
from runtime.dev import Listener, SignatureCheck
from runtime.errors import CommandError
from runtime.terminal_text import body_lines, one_line

CONTRACTS = load_contracts()
ESC, C1 = "\x1b", "\x9b"
TITLE = f"{ESC}]0;owned\x07"
FORGED = "✓ signature verified by contract standard"


async def ask(port: int, request: bytes) -> bytes:
    """Send one request as it is, and return the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def request(target: str, body: bytes, *headers: bytes) -> bytes:
    head = [f"POST {target} HTTP/1.1".encode(), b"host: x", b"connection: close", *headers]
    return b"\r\n".join([*head, b"content-length: %d" % len(body), b"", body])


def is_text(output: str) -> bool:
    """Return whether nothing in the output but line ends can move a terminal's cursor."""
    return output.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        (TITLE.encode(), r"\u001b]0;owned\u0007"),
        (b"\x1b[2J", r"\u001b[2J"),
        (b"\x9b2J", r"\u009b2J"),
        (b"\x9d0;owned\x9c", r"\u009d0;owned\u009c"),
        (b"a\x08\x08\x7fb", r"a\b\b\u007fb"),
        (b"[bold red]:warning:", "[bold red]:warning:"),
        (b"caf\xe9", "café"),
    ],
)
async def test_a_header_is_text(header, shown, capsys):
    """Escapes of both control sets in a header are written out; markup has no meaning."""
    async with listening() as served:
        assert b" 200 " in await ask(served.port, request("/", b"", b"x-odd: " + header))
    output = capsys.readouterr().out
    assert f"\nx-odd: {shown}\n" in output
    assert is_text(output)


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "OPTIONS", "NOTIFY"])
async def test_a_path_is_shown_as_it_was_sent(method, capsys):
    """Line ends and escapes in path and query stay percent-encoded, on one line."""
    target = "/a%1B%5D0;owned%07/%0A%0D%C2%9B?q=%1B[2J&%0A=1"
    async with listening() as served:
        await ask(served.port, request(target, b"").replace(b"POST", method.encode()))
    output = capsys.readouterr().out
    assert f"\n{method} {target}\n" in output
    assert is_text(output)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (f'{{"a": "{C1}2J"}}'.encode(), ["{", r'  "a": "\u009b2J"', "}"]),
        (
            rb'{"a": "\u001b]0;owned\u0007\u009b"}',
            ["{", r'  "a": "\u001b]0;owned\u0007\u009b"', "}"],
        ),
        ('"\u202eevil"'.encode(), [r'"\u202eevil"']),
        (f"{TITLE}\r\n{FORGED}\rx".encode(), [r"\u001b]0;owned\u0007", FORGED + r"\rx"]),
        (b"\x1b[2J\xff", [r"\u001b[2J\xff"]),
        (b'{"b":1.10,"b":[],"c":1e999}', ["{", '  "b": 1.10,', '  "b": [],', '  "c": 1e999', "}"]),
        (b"a=1&b=%1B", ["a=1&b=%1B"]),
        (b"[" * 100_000, ["[" * 100_000]),
    ],
)
async def test_a_body_is_text(body, shown, capsys):
    """A body, JSON or not, is shown as sent, and its lines stand apart from the listener's own."""
    async with listening() as served:
        assert b" 200 " in await ask(served.port, request("/", body))
    output = capsys.readouterr().out
    assert "\n\n" + "".join(f"  {line}\n" for line in shown) + "\n" in output
    assert is_text(output)
    assert f"\n{FORGED}" not in output


def requests_with(character: str) -> list[tuple[Scope, bytes]]:
    """Return requests with a character in each place, as any server might hand them over."""
    wire, escaped = character.encode("latin-1"), b"\\u%04x" % ord(character)
    percent = b"%%%02x" % ord(character)
    bare: Scope = {
        "type": "http", "method": "POST", "raw_path": b"/", "path": "/", "query_string": b"",
        "headers": [],
    }  # fmt: skip
    places: list[dict[str, object]] = [
        {"raw_path": b"/a" + wire + b"[2J"},
        {"raw_path": b"/a" + percent + b"[2J", "path": f"/a{character}[2J"},
        {"query_string": b"q=" + wire + b"[2J"},
        {"query_string": b"q=" + percent + b"[2J"},
        {"headers": [(b"x-odd", b"a" + wire + b"[2J")]},
        {"headers": [(b"x" + wire, b"a")]},
        {"headers": [(b"webhook-id", wire), (b"webhook-signature", wire), (b"host", wire)]},
        {"method": f"PO{character}ST"},
    ]
    bodies = [
        wire,
        character.encode(),
        b'{"' + escaped + b'": ["' + escaped + b'[2J"]}',
        b'{"' + character.encode() + b'": "' + character.encode() + b'"}',
        b'"' + wire + b'"',
        b"1" + wire + b"2",
    ]
    return [(bare | place, b"{}") for place in places] + [(bare, body) for body in bodies]


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0)])
async def test_no_control_character_reaches_the_terminal(code, capsys):
    """No control character is printed, from no place of a request: C0, DEL and C1, each of them."""
    check = SignatureCheck.with_secrets(CONTRACTS["standard"], [generate_secret()], None)
    for listener in (Listener(), Listener(check)):
        for scope, body in requests_with(chr(code)):
            sent: list[Message] = []
            await listener.app()(scope, receiving(body), sending_to(sent))
            output = capsys.readouterr().out
            assert sent, scope
            assert is_text(output), (scope, body)
            assert "answered" in output


def receiving(body: bytes) -> Receive:
    """Return what hands a request's body to an application."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def sending_to(sent: list[Message]) -> Send:
    """Return what notes an application's answer."""

    async def send(message: Message) -> None:
        sent.append(message)

    return send


async def test_a_sender_that_leaves(caplog):
    """A sender that leaves in the middle of its body is passed over without a traceback."""
    async with listening() as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(request("/", b"{}")[:-1])
        await writer.drain()
        writer.close()
        assert b" 200 " in await ask(served.port, request("/", b"{}"))
    assert caplog.records == []


@given(st.binary())
def test_any_body_is_text(body):
    """Whatever the bytes are, each line is printable."""
    assert all(line.isprintable() for line in body_lines(body))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(JSON_VALUES, st.booleans())
def test_indented_json_is_the_same_json(value, ascii_only):
    """What is shown of JSON is the same JSON."""
    body = json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    shown = "".join(body_lines(body))
    if ascii_only:
        assert json.loads(shown) == value


@given(st.text())
def test_one_line_is_one_line(text):
    """No text has a line end or a control character left."""
    assert one_line(text).isprintable()


async def test_the_signed_url(capsys):
    """A contract that signs the URL is verified with the one requested, or with the one given."""
    contract = url_contract()
    secret = "0123456789abcdef"
    for given_url, requested in ((None, "http://x/in?a=%20b"), ("https://public/in", None)):
        check = SignatureCheck.with_secrets(contract, [secret], given_url)
        signable = Signable("", 0, b"{}", requested or given_url or "")
        header = b"x-sign: " + sign(contract.signature, [secret], signable).encode()
        async with listening(Listener(check)) as served:
            answer = await ask(served.port, request("/in?a=%20b", b"{}", header))
            assert b" 200 " in answer
            assert b" 401 " in await ask(served.port, request("/other", b"{}", header)) or given_url
    assert "signature verified" in capsys.readouterr().out


def url_contract():
    """Return a contract that signs URL and body."""
    shipped = CONTRACTS["standard"]
    signature = {
        "scheme": "template", "header": "x-sign", "encoding": "hex", "signed": "{url}{body}",
        "value": "{signature}",
    }  # fmt: skip
    return type(shipped).model_validate(
        shipped.model_dump() | {"name": "by-url", "headers": {}, "signature": signature}
    )


async def test_the_secret_before_a_rotation():
    """Of several secrets, one that matches is enough."""
    old, new = generate_secret(), generate_secret()
    contract, now = CONTRACTS["standard"], int(time.time())
    signed = sign(contract.signature, [old], Signable("evt_1", now, b"{}"))
    headers = (
        b"webhook-id: evt_1",
        b"webhook-timestamp: %d" % now,
        b"webhook-signature: " + signed.encode(),
    )
    for secrets, status in (([new, old], b" 200 "), ([new], b" 401 ")):
        check = SignatureCheck.with_secrets(contract, secrets, None)
        async with listening(Listener(check)) as served:
            assert status in await ask(served.port, request("/", b"{}", *headers))


def test_a_secret_of_another_contract():
    """A secret that no signature of the contract can have is refused, and not repeated."""
    with pytest.raises(CommandError, match="--secret: a secret begins with whsec_") as refused:
        SignatureCheck.with_secrets(CONTRACTS["standard"], ["hunter2"], None)
    assert "hunter2" not in str(refused.value)
