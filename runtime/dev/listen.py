"""A receiver to try things with: it prints each webhook, and says if the signature holds."""

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
from runtime.running import console, say

UNAUTHORIZED = 401
METHODS = ["POST", "PUT", "PATCH", "GET", "HEAD", "DELETE"]


@dataclass(frozen=True)
class Listener:
    """What it verifies with (None: nothing), and how it answers."""

    secret: str | None = None
    status: int = 200
    delay_seconds: float = 0.0

    def app(self) -> Starlette:
        """Return the application: one route takes everything."""
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
            say(f"{name}: {_printable(value)}")
    console.print(verdict)
    try:
        console.print(JSON(body.decode(), indent=2), soft_wrap=True)
    except ValueError:
        say(_printable(body.decode(errors="replace")) or "(no body)")


def _printable(text: str) -> str:
    """Return text that cannot command the terminal it is printed on."""
    return "".join(one if one.isprintable() or one in "\n\t" else "�" for one in text)
