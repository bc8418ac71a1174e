"""A receiver to try things with: prints each webhook that arrives and says if its signature holds.

It is also the shortest honest example of what a receiver must check.
"""

import asyncio
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rich.json import JSON
from rich.markup import escape
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hookwright.signing import sign_standard
from runtime.running import console, say

TOLERANCE_SECONDS = 300
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
        fault = self.secret and signature_fault(self.secret, request.headers, body, time.time())
        status = UNAUTHORIZED if fault else self.status
        _show(request, body, _verdict(self.secret, fault), status)
        await asyncio.sleep(self.delay_seconds)
        return PlainTextResponse(fault or "ok", status)


def signature_fault(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str | None:
    """Return what is wrong with a Standard Webhooks signature; None if it holds."""
    event_id = headers.get("webhook-id")
    timestamp = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "").split()
    if not event_id or not given or not (timestamp.isascii() and timestamp.isdigit()):
        return "webhook-id, webhook-timestamp or webhook-signature is missing"
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return f"the timestamp is more than {TOLERANCE_SECONDS} s away; is a clock wrong?"
    right = sign_standard([secret], event_id, int(timestamp), body).encode()
    if not any(hmac.compare_digest(one.encode(), right) for one in given):
        return "the signature does not match this secret and body"
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
