"""A receiver for trying things out: it prints each webhook and whether its signature is right."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rich.json import JSON
from rich.markup import escape
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hookwright.contracts import DEFAULT_CONTRACT
from hookwright.verify import VerificationError, verify
from runtime.running import console, print_line

UNAUTHORIZED = 401
METHODS = ["POST", "PUT", "PATCH", "GET", "HEAD", "DELETE"]


@dataclass(frozen=True)
class Listener:
    """A receiver. It verifies signatures if it has a secret, and answers `status` after a delay."""

    secret: str | None = None
    status: int = 200
    delay_seconds: float = 0.0

    def app(self) -> Starlette:
        """Return the application. It has one route, which takes every path and method."""
        return Starlette(routes=[Route("/{path:path}", self._receive, methods=METHODS)])

    async def _receive(self, request: Request) -> Response:
        body = await request.body()
        fault = self._fault(request.headers, body)
        status = UNAUTHORIZED if fault else self.status
        _show(request, body, _verdict(self.secret, fault), status)
        await asyncio.sleep(self.delay_seconds)
        return PlainTextResponse(fault or "ok", status)

    def _fault(self, headers: Mapping[str, str], body: bytes) -> str | None:
        try:
            if self.secret:
                verify(DEFAULT_CONTRACT, headers, body, self.secret)
        except VerificationError as error:
            return str(error)
        return None


def _verdict(secret: str | None, fault: str | None) -> str:
    if fault:
        return f"[bold red]✗ signature refused: {fault}[/]"
    if secret:
        return "[bold green]✓ signature verified[/]"
    return "[dim]signature not checked: give --secret to check it[/]"


def _show(request: Request, body: bytes, verdict: str, status: int) -> None:
    clock = datetime.now().astimezone().strftime("%H:%M:%S")
    line = f"{request.method} {request.url.path}"
    console.rule(f"[bold]{escape(line)}[/] at {clock}, answered {status}", align="left")
    for name, value in request.headers.items():
        if name.startswith("webhook-"):
            print_line(f"{name}: {_printable(value)}")
    console.print(verdict)
    try:
        console.print(JSON(body.decode(), indent=2), soft_wrap=True)
    except ValueError:
        print_line(_printable(body.decode(errors="replace")) or "(no body)")


def _printable(text: str) -> str:
    """Return the text with every character replaced that could control the terminal."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else "�" for character in text
    )
