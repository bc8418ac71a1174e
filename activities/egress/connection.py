"""One HTTP/1.1 connection to a receiver: a request goes out, its own reply comes back.

h11 reads and writes the protocol. A connection is used again only after a complete reply without a
byte beyond it: what a receiver sends too much must never become the reply to another request
(RFC 9112, section 9.2).
"""

import asyncio
from collections.abc import AsyncIterator

import h11
import httpcore
import httpx

from activities.egress.timing import PhaseTimer

MAX_CHUNK_BYTES = 16_384
"""How much is read at once: a small piece is parsed quickly, and does not block the event loop."""

MAX_HEAD_BYTES = 102_400
"""The longest reply head, status line and all headers."""


class ClosedBeforeReplyError(Exception):
    """The receiver closed the connection before a byte of its reply."""


class ReplyCutShortError(Exception):
    """The reply began, and did not come to its end."""


class ReceiverConnection:
    """A connection, for one exchange after the other."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._has_replied = False
        self._write_error: httpcore.WriteError | None = None
        self.idle_since = 0.0

    @property
    def is_reusable(self) -> bool:
        """Whether the reply was complete, and nothing came after it."""
        surplus, is_closed = self._http.trailing_data
        states = (self._http.our_state, self._http.their_state)
        return states == (h11.DONE, h11.DONE) and not surplus and not is_closed

    @property
    def is_readable(self) -> bool:
        """Whether an idle connection was closed, or has sent something that nobody asked for."""
        return bool(self._stream.get_extra_info("is_readable"))

    def start_next_exchange(self) -> None:
        """Prepare a reusable connection for its next request."""
        self._http.start_next_cycle()
        self._has_replied = False

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def exchange(
        self, request: httpx.Request, target: bytes, timer: PhaseTimer
    ) -> h11.Response:
        """Send a request and return the head of its reply; interim replies are passed over.

        Raises:
            ClosedBeforeReplyError: no byte of a reply came.
            ReplyCutShortError, h11.RemoteProtocolError, httpcore.NetworkError: the exchange failed.
        """
        headers = [*request.headers.raw]
        timer.sends(headers)
        head = h11.Request(method=request.method, target=target, headers=headers)
        parts = [
            self._http.send(head),
            self._http.send(h11.Data(data=request.content)),
            self._http.send(h11.EndOfMessage()),
        ]
        try:
            await self._stream.write(b"".join(filter(None, parts)))
        except httpcore.WriteError as error:
            # A receiver may reply and close before it has read the body: its reply counts.
            self._write_error = error
        timer.restart()
        while not isinstance(event := await self._next_event(), h11.Response):
            pass
        timer.stop("first_byte_ms")
        return event

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the pieces of the reply's body.

        Raises:
            ReplyCutShortError, h11.RemoteProtocolError, httpcore.NetworkError: it has no end.
        """
        while not isinstance(event := await self._next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                yield bytes(event.data)
                # Pieces that have arrived come without a pause. 64 KiB in chunks of one byte would
                # block the whole worker, and the timeout as well.
                await asyncio.sleep(0)

    async def _next_event(self) -> h11.Event:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                if self._has_replied and self._http.trailing_data[1]:
                    raise ReplyCutShortError from error
                raise
            if event is h11.PAUSED:
                raise h11.RemoteProtocolError("the receiver switched to another protocol")
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            await self._read()

    async def _read(self) -> None:
        try:
            data = await self._stream.read(MAX_CHUNK_BYTES)
        except httpcore.ReadError as error:
            if not self._has_replied:
                raise ClosedBeforeReplyError from error
            raise ReplyCutShortError from error
        if not data and not self._has_replied:
            raise ClosedBeforeReplyError from self._write_error
        self._has_replied = True
        self._http.receive_data(data)
