"""`hookwright listen` inside a test: its application on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from runtime.dev import Listener
from runtime.http import listening_socket, serve
from support.receiver import Received


class Served:
    """A listener while it runs, and what it received.

    `listener` can be exchanged, because an endpoint's secret is known only after its URL.
    """

    def __init__(self, port: int, listener: Listener) -> None:
        self.port = port
        self.listener = listener
        self.requests: list[Received] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""

        async def noting() -> Message:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            return message

        await self.listener.app()(scope, noting, send)
        if scope["type"] == "http":
            headers = dict(Request(scope).headers)
            self.requests.append(Received(scope["method"], scope["path"], headers, body))


@asynccontextmanager
async def listening(listener: Listener | None = None) -> AsyncIterator[Served]:
    """Serve a listener on a free port while the context lasts."""
    socket = listening_socket("127.0.0.1", 0)
    served = Served(socket.getsockname()[1], listener or Listener())
    serving = asyncio.create_task(serve(served, socket))
    try:
        yield served
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
