"""Serving HTTP: one socket, one application, stopped by cancelling."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from api.http import MAX_HEAD_BYTES
from runtime.errors import CommandError
from runtime.http.protocol import Protocol

FINISH_SECONDS = 10
"""On shutdown, requests under way may end."""


class Server(uvicorn.Server):
    """uvicorn's, less its signal handlers: `runtime.running` has ours."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def listening_socket(host: str, port: int, option: str = "--port") -> socket.socket:
    """Return a socket that listens.

    Raises:
        CommandError: it cannot; the text names the option that helps.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise CommandError(
            f"cannot listen on {host} port {port} ({reason.lower()}); choose another with {option}"
        ) from None


async def serve(app: Any, listener: socket.socket) -> None:  # noqa: ANN401 - uvicorn's own
    """Serve until cancelled, then let requests under way end; cancelled again, do not.

    There is no access log: the codec endpoint's URL holds a secret.
    """
    server = Server(
        uvicorn.Config(
            app,
            http=Protocol,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=FINISH_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not serving.done():
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.force_exit = server.should_exit
            server.should_exit = True
