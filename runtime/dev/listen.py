"""A receiver for trying things out: it prints each webhook and whether its signature is right."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Self

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
class Listener:
    """A receiver. It verifies signatures if it has a check, and answers `status` after a delay."""

    check: SignatureCheck | None = None
    status: int = 200
    delay_seconds: float = 0.0

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
        status = UNAUTHORIZED if fault else self.status
        _show(request, body, self._verdict(fault), status)
        await asyncio.sleep(self.delay_seconds)
        return PlainTextResponse(fault or "ok", status)

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
