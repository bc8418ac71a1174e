"""A receiver for trying things out: it prints each webhook and whether its signature is right."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import httpx
from rich.highlighter import JSONHighlighter
from rich.text import Text
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hookwright.contracts import Contract
from hookwright.verify import VerificationError, check_secrets, verify
from runtime.errors import CommandError
from runtime.running import console, print_line
from runtime.terminal_text import body_lines, one_line

UNAUTHORIZED = 401
BAD_GATEWAY = 502
FORWARD_SECONDS = 60.0
OF_THE_CONNECTION = {
    *("connection", "content-length", "host", "keep-alive", "te", "trailer"),
    *("transfer-encoding", "upgrade"),
}
"""Headers that are about one connection, and are not passed on to the next."""

INDENT = "  "
"""Stands before each line of a body, so that no body can imitate the lines around it."""


@dataclass(frozen=True)
class SignatureCheck:
    """How signatures are verified. Without `url` the endpoint's URL is the one requested."""

    contract: Contract
    secrets: Sequence[str]
    url: str | None = None

    @classmethod
    def with_secrets(cls, contract: Contract, secrets: Sequence[str], url: str | None) -> Self:
        """Return a check with these secrets.

        Raises:
            CommandError: a secret cannot verify signatures of this contract.
        """
        try:
            check_secrets(contract, secrets)
        except ValueError as error:
            raise CommandError(f"--secret: {error}") from None
        return cls(contract, secrets, url)

    def fault(self, request: Request, body: bytes) -> str | None:
        """Return why the webhook is not genuine, or None."""
        requested = f"http://{request.headers.get('host', '')}{_target(request)}"
        try:
            verify(self.contract, request.headers, body, self.secrets, url=self.url or requested)
        except VerificationError as error:
            return str(error)
        return None


@dataclass(frozen=True)
class Forward:
    """Passes webhooks on to a program, as they came: the same body, and the same signature.

    A URL without a path gets the path and the query that were requested.
    """

    url: str

    @classmethod
    def to(cls, url: str) -> Self:
        """Return a forward to a URL.

        Raises:
            CommandError: it is no http or https URL.
        """
        try:
            parts = httpx.URL(url)
            is_valid = parts.scheme in ("http", "https") and parts.host
        except httpx.InvalidURL:
            is_valid = False
        if not is_valid:
            raise CommandError("--forward: write it as http://localhost:3000.")
        return cls(url)

    async def send(self, request: Request, body: bytes) -> tuple[int, bytes, Text]:
        """Pass a webhook on. Return the status and the body to answer with, and what to print."""
        has_path = httpx.URL(self.url).path not in ("", "/")
        target = self.url if has_path else self.url.rstrip("/") + _target(request)
        headers = [
            (name, value)
            for name, value in request.headers.raw
            if name.decode("latin-1").lower() not in OF_THE_CONNECTION
        ]
        try:
            # Not the environment's proxy: the program is the developer's own, and near.
            async with httpx.AsyncClient(trust_env=False, timeout=FORWARD_SECONDS) as http:
                answer = await http.request(request.method, target, headers=headers, content=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            fault = f"{self.url} cannot be reached: {str(error) or type(error).__name__}"
            return BAD_GATEWAY, fault.encode(), Text(f"✗ {one_line(fault)}", "bold red")
        told = one_line(f"passed on to {target}, which answered {answer.status_code}")
        return answer.status_code, answer.content, Text(told, "cyan")


@dataclass(frozen=True)
class Listener:
    """A receiver. It verifies signatures if it has a check, and answers `status` after a delay.

    With `forward` it passes on what is genuine, and answers what it gets back.
    """

    check: SignatureCheck | None = None
    status: int = 200
    delay_seconds: float = 0.0
    forward: Forward | None = None

    def app(self) -> ASGIApp:
        """Return the application.

        It takes every method and path. Starlette's routes would answer 404 to a path with a line
        end, and nothing would be shown of it.
        """

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                with suppress(ClientDisconnect):  # it left before the end of its body
                    response = await self._receive(Request(scope, receive))
                    await response(scope, receive, send)

        return app

    async def _receive(self, request: Request) -> Response:
        body = await request.body()
        fault = self.check.fault(request, body) if self.check else None
        status, content = (UNAUTHORIZED, fault.encode()) if fault else (self.status, b"ok")
        notes = [self._verdict(fault)]
        if self.forward and not fault:
            status, content, note = await self.forward.send(request, body)
            notes.append(note)
        _show(request, body, Text("\n").join(notes), status)
        await asyncio.sleep(self.delay_seconds)
        return PlainTextResponse(content, status)

    def _verdict(self, fault: str | None) -> Text:
        if self.check is None:
            return Text("signature not checked: give --secret to check it", "dim")
        name = self.check.contract.name
        if fault:
            return Text(f"✗ signature refused by contract {name}: {one_line(fault)}", "bold red")
        return Text(f"✓ signature verified by contract {name}", "bold green")


def _target(request: Request) -> str:
    """Return the path and query as they were sent. Starlette's are decoded already."""
    path: str = request.scope["raw_path"].decode("latin-1")
    query: str = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _show(request: Request, body: bytes, verdict: Text, status: int) -> None:
    clock = datetime.now().astimezone().strftime("%H:%M:%S")
    console.rule(Text(f"{clock}, answered {status}", "bold"), align="left")
    print_line(Text(one_line(f"{request.method} {_target(request)}"), "bold"))
    for name, value in request.headers.items():
        print_line(Text(one_line(f"{name}: {value}")))
    print_line()
    shown = Text("\n").join(Text(INDENT + line) for line in body_lines(body))
    print_line(JSONHighlighter()(shown) if body else "(no body)")
    print_line()
    if body:
        print_line(Text(f"({len(body)} bytes; laid out here, signed as they came)", "dim"))
    print_line(verdict)
