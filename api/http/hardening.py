"""Security measures for every request and every answer, whatever the route.

Headers forbid clients to store an answer, to guess its type, and, in a browser, to load anything
else for it. The head of a request has a limit, because uvicorn limits neither a head that arrives
in one piece nor the number of headers.
"""

from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.errors import EVERY_ANSWER, Problem, answer

MAX_HEADERS = 100
MAX_HEAD_BYTES = 16_384
"""The limit for path, query and headers together. Browsers and proxies send a tenth of it."""


class Hardening:
    """ASGI middleware that limits a request's head and adds headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request whose head is too large, and add the headers to the answer."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        # A HEAD is a GET whose answer has no body (RFC 9110, 9.3.2). Load balancers probe with it.
        is_head = scope["method"] == "HEAD"
        if is_head:
            scope = {**scope, "method": "GET"}

        async def send_hardened(message: Message) -> None:
            if is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in EVERY_ANSWER.items():
                    headers.setdefault(name, value)
            await send(message)

        app = answer(TOO_LARGE) if _head_is_too_large(scope) else self.app
        return await app(scope, receive, send_hardened)


def _head_is_too_large(scope: Scope) -> bool:
    headers = scope["headers"]
    size = len(scope["raw_path"]) + len(scope["query_string"]) + sum(map(len, sum(headers, ())))
    return len(headers) > MAX_HEADERS or size > MAX_HEAD_BYTES


TOO_LARGE = Problem(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head-too-large",
    f"at most {MAX_HEADERS} headers, and {MAX_HEAD_BYTES} bytes with path and query",
)
