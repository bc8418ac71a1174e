"""Which requests publish, and how long they take."""

import time
from collections.abc import Mapping
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hookwright import metrics

PUBLISH_KINDS: Mapping[str, metrics.PublishKind] = {
    "/v1/tenants/{tenant_id}/events": "event",
    "/v1/tenants/{tenant_id}/events/batch": "batch",
}
"""The paths of routes that publish when they are POSTed to."""


def publish_kind(scope: Scope) -> metrics.PublishKind | None:
    """Return what a request publishes, or None. Its route is known by now, if it has one."""
    route = scope.get("route")
    return PUBLISH_KINDS.get(route.path) if route and scope["method"] == "POST" else None


class PublishMetrics:
    """Middleware that measures publishes, refused ones included.

    The time begins when the request has arrived, so that a slow caller does not count as ours.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; record it if it was a publish."""
        began, status = time.perf_counter(), int(HTTPStatus.INTERNAL_SERVER_ERROR)

        async def noting_arrival() -> Message:
            nonlocal began
            message = await receive()
            if message["type"] == "http.request":
                began = time.perf_counter()
            return message

        async def noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, noting_arrival, noting_status)
        finally:
            if kind := publish_kind(scope):
                metrics.publish_answered(kind, status, time.perf_counter() - began)
