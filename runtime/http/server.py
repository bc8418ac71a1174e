"""An HTTP server for one application on one socket. Cancelling it stops it."""

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
"""On shutdown, requests in progress have so many seconds to finish."""


class Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: `runtime.running` handles signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield


def listening_socket(host: str, port: int, option: str = "--port") -> socket.socket:
    """Return a socket that listens on a port.

    Raises:
        CommandError: The port cannot be used. The text names the option that chooses another.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise CommandError(
            f"cannot listen on {host} port {port} ({reason.lower()}); choose another with {option}"
        ) from None
    # Its connections inherit this. asyncio sets it on sockets that name their protocol, which this
    # one does not. Without it an answer's body waits for the client's delayed ACK: 40 ms on Linux.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def serve(app: Any, listener: socket.socket) -> None:  # noqa: ANN401 - as uvicorn declares it
    """Serve until cancelled, then finish the requests in progress. A second cancellation aborts.

    There is no access log, because the codec endpoint's URL contains a secret.
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
