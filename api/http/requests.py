"""What identifies a request: its id, and its span in a trace.

The id is in the answer, in every problem, and in each line of the log. A caller may send its own as
`X-Request-Id`, so that its log and this one can be compared. One that is too long, or has
characters that a log or a shell could take for something else, is replaced.
"""

import re
import time
import uuid
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hookwright.tracing import NO_SPAN, SpanKind, span

REQUEST_ID_HEADER = "X-Request-Id"

GIVEN = re.compile(r"[A-Za-z0-9._:=-]{1,100}")
"""The ids that are taken from callers: UUIDs, and what proxies and load balancers make."""

FIELD = "request_id"

OWN_SPANS: dict[str, Any] = {
    "telemetry": {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
}
"""Arguments of every FastAPI application. By itself FastAPI would send spans of all requests, also
of strangers', with their paths, and the path of the codec endpoint has a secret in it."""

log = structlog.get_logger(__name__)


def request_id() -> str | None:
    """Return the id of the request that is being answered, or None outside of a request."""
    found: str | None = structlog.contextvars.get_contextvars().get(FIELD)
    return found


def begin_span(request: Request, caller: str, *, trusted: bool) -> None:
    """Begin the span of a request, now that its caller is known. It ends with the answer.

    So nobody without a key can fill a collector. A request that only reads has no span: nothing
    follows from it. The trace of an operator goes on here; a tenant's is only mentioned, or tenants
    could write into each other's traces, and have sampled what they like.
    """
    if request.method in ("GET", "HEAD"):
        return
    route = getattr(request.scope.get("route"), "path", "")
    facts = {
        "http.request.method": request.method,
        "http.route": route,
        "hookwright.request_id": request_id(),
        "hookwright.caller": caller,
    }
    given = request.headers.get("traceparent")
    known = {"parent": given} if trusted else {"link": given}
    name = f"{request.method} {route}"
    request.state.span = request.state.spans.enter_context(
        span(name, SpanKind.SERVER, facts, **known)
    )


class RequestIds:
    """ASGI middleware that gives each request its id, and notes at debug how it was answered.

    The id stays bound when the request is over: the answer to an unexpected error is made outside
    of all middleware. The server runs each request in a context of its own, which ends with it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Bind the id to the log, and add it to the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        structlog.contextvars.clear_contextvars()
        own = _given(scope) or uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(**{FIELD: own})
        began = time.perf_counter()

        state = scope.setdefault("state", {})
        state["span"] = NO_SPAN

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = own
                state["span"].note({"http.response.status_code": message["status"]})
                if message["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    state["span"].fail(str(message["status"]))
                # The route and not the path: the path of the codec endpoint has a secret in it.
                route = scope.get("route")
                log.debug(
                    "api.answered",
                    method=scope["method"],
                    route=getattr(route, "path", None),
                    status=message["status"],
                    duration_ms=round((time.perf_counter() - began) * 1000),
                )
            await send(message)

        with ExitStack() as state["spans"]:
            await self.app(scope, receive, send_with_id)


def _given(scope: Scope) -> str | None:
    """Return the id that the caller has sent, if it sent one, and it is safe to repeat."""
    given = Headers(scope=scope).getlist(REQUEST_ID_HEADER)
    return given[0] if len(given) == 1 and GIVEN.fullmatch(given[0]) else None
