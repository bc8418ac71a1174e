"""uvicorn's HTTP/1.1 protocol with what it lacks: a deadline for heads, a bound for idle ones."""

import asyncio
import resource

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0

MAX_CONNECTIONS = 10_000
"""Each takes some 10 KB, and an open file."""


class Protocol(H11Protocol):
    """Closes a connection whose head stays incomplete, and idle ones if there are too many.

    So a client that sends its head very slowly cannot occupy a connection, and those that send
    nothing leave room for one that does.
    """

    head_seconds = HEAD_SECONDS
    deadline: asyncio.TimerHandle | None = None
    heard_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first head."""
        super().connection_made(transport)
        self.heard_at = self.loop.time()
        self._start_deadline()
        if len(self.connections) > _most_connections():
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Stop the deadline when a head is complete, and start one when the next head begins."""
        self.heard_at = self.loop.time()
        super().data_received(data)
        incomplete = self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]
        if not incomplete:
            self._stop_deadline()
        elif self.deadline is None:
            self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the deadline."""
        self._stop_deadline()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        """Close a tenth of the idle connections, those that have been silent for longest.

        A tenth, so that they are not all looked at again for the next one.
        """
        ours = [it for it in self.connections if isinstance(it, Protocol)]
        idle = [it for it in ours if it.conn.their_state is h11.IDLE]
        idle.sort(key=lambda it: it.heard_at)
        for it in idle[: len(idle) // 10 + 1]:
            it.transport.abort()

    def _start_deadline(self) -> None:
        self.deadline = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_deadline(self) -> None:
        if self.deadline:
            self.deadline.cancel()
            self.deadline = None


def _most_connections() -> int:
    """Return how many connections there may be: a quarter of the open files is left for others."""
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if open_files < 0 else min(MAX_CONNECTIONS, open_files * 3 // 4)
