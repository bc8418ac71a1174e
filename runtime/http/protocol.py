"""uvicorn's HTTP/1.1 protocol with what it lacks: a deadline for heads, a bound for idle ones."""

import asyncio
import resource

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0

MAX_CONNECTIONS = 10_000
"""Each takes some 10 KB, and an open file."""


class Protocol(H11Protocol):
    """Closes a connection whose head stays incomplete, and some if there are too many.

    So a client that sends its head very slowly cannot occupy a connection, and those that do not
    wait for us leave room for one that does.
    """

    head_seconds = HEAD_SECONDS
    deadline: asyncio.TimerHandle | None = None
    used_at = 0.0
    """When it sent something, or had an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first head."""
        super().connection_made(transport)
        self.used_at = self.loop.time()
        self._start_deadline()
        if len(self.connections) > _most_connections():
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Stop the deadline when a head is complete, and start one when the next head begins."""
        self.used_at = self.loop.time()
        super().data_received(data)
        incomplete = self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]
        if not incomplete:
            self._stop_deadline()
        elif self.deadline is None:
            self._start_deadline()

    def on_response_complete(self) -> None:
        """Note when the answer was complete: its request may have taken long."""
        self.used_at = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the deadline."""
        self._stop_deadline()
        super().connection_lost(exc)

    @property
    def waits_for_us(self) -> bool:
        """Whether a request is not answered yet, and not because its client fetches nothing."""
        return bool(self.cycle and not (self.cycle.response_complete or self.flow.write_paused))

    def _make_room(self) -> None:
        """Close a tenth of the others that do not wait for us, those unused for longest.

        A tenth, so that they are not all looked at again for the next one. First of all come those
        with a body that nobody reads: while it drips they are never unused. Those that have not
        fetched their answer yet are closed only if there is no other.
        """
        others = [it for it in self.connections if isinstance(it, Protocol) and it is not self]
        resting = [it for it in others if not it.waits_for_us]
        closable = [it for it in resting if not it.transport.get_write_buffer_size()] or resting
        closable.sort(key=lambda it: (it.conn.their_state is not h11.SEND_BODY, it.used_at))
        for it in closable[: len(closable) // 10 + 1]:
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
