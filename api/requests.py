"""Request bodies, refused early: too large, not JSON, or nested too deeply."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

from api.auth import admit
from api.errors import Problem

MAX_NESTING = 100
"""Half of what pydantic's parser takes, so that a body still parses inside our own models."""


class StrictRequest(Request):
    """A request whose body has a limit and whose JSON is JSON.

    Python's parser lets NaN, lone surrogates and any depth through; what it lets through could
    neither be stored nor signed.
    """

    async def body(self) -> bytes:
        """Return the body.

        Raises:
            Problem: 413, once more than the limit was read; the rest is not.
        """
        if not hasattr(self, "_body"):
            limit: int = self.app.state.config.max_body_bytes
            body = bytearray()
            async for chunk in self.stream():
                body += chunk
                if len(body) > limit:
                    raise Problem(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        "body-too-large",
                        f"the body has more than {limit} bytes;"
                        " send a reference to the data instead",
                    )
            self._body = bytes(body)
        return self._body

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return the parsed body.

        Raises:
            Problem: 400 if it is not JSON, 422 if it cannot be kept.
        """
        body = await self.body()
        if deepest(body) > MAX_NESTING:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "nested-too-deeply",
                f"the body nests more than {MAX_NESTING} levels; flatten it",
            )
        try:
            return from_json(body, allow_inf_nan=False)
        except ValueError as error:
            raise Problem(
                HTTPStatus.BAD_REQUEST, "not-json", f"the body is not JSON: {error}"
            ) from None


class StrictRoute(APIRoute):
    """A route that reads its body through StrictRequest."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, given our kind of request."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            await admit(request)  # nobody makes us read a body without a key, or too often
            _check_media_type(request)
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly


def _check_media_type(request: Request) -> None:
    """Refuse a body that is not called JSON: it would be taken for a text, and misunderstood."""
    empty = request.headers.get("content-length", "0") == "0"
    chunked = "transfer-encoding" in request.headers
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (not empty or chunked) and media_type != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "not-called-json",
            "send the body as JSON, with `Content-Type: application/json`",
        )


def deepest(body: bytes) -> int:
    """Return how deeply a JSON text nests, brackets in strings left out."""
    if body.count(b"[") + body.count(b"{") <= MAX_NESTING:
        return 0
    depth = reached = 0
    in_string = escaped = False
    for byte in body:
        if in_string:
            in_string = escaped or byte != ord('"')
            escaped = byte == ord("\\") and not escaped
        elif byte == ord('"'):
            in_string = True
        elif byte in b"[{":
            depth += 1
            reached = max(reached, depth)
        elif byte in b"]}":
            depth -= 1
    return reached
