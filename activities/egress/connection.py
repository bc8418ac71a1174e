"""One HTTP/1.1 connection to a receiver: a request goes out, its own reply comes back.

h11 reads and writes the protocol. A connection is used again only after a complete reply without a
byte beyond it: what a receiver sends too much must never become the reply to another request
(RFC 9112, section 9.2). Such bytes may be in three places: in h11, in the socket, and in between,
where the stream keeps what it has received and nobody has read yet.

What a reply may cost is bounded (`ReplyBudget`): in bytes read, and in steps of reading and parsing
them. Chunks of one byte are cheap to send and dear to parse, so bytes alone would not be enough.
"""

import ssl
from collections.abc import AsyncIterator

import h11
import httpcore
import httpx

from activities.egress.reply_budget import MAX_HEAD_BYTES, ReplyBudget, ReplyTurns
from activities.egress.timing import PhaseTimer

SURPLUS_SECONDS = 0.1
"""What an idle connection has sent is there. Only a part of a TLS record has to be waited for."""


class ClosedBeforeReplyError(Exception):
    """The receiver closed the connection before a byte of its reply."""


class ReplyCutShortError(Exception):
    """The reply began, and did not come to its end."""


class HeadTooLongError(Exception):
    """The reply's heads, interim ones included, have more bytes or parts than are read."""


class ReceiverConnection:
    """A connection, for one exchange after the other."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, turns: ReplyTurns) -> None:
        self._stream = stream
        self._tls: ssl.SSLObject | None = stream.get_extra_info("ssl_object")
        self._turns = turns
        self._budget = ReplyBudget(turns)
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._has_replied = False
        self._stream_may_hold_more = False
        self._write_error: httpcore.WriteError | None = None
        self.idle_since = 0.0

    @property
    def is_reusable(self) -> bool:
        """Whether the reply was complete, and nothing is known to have come after it."""
        states = (self._http.our_state, self._http.their_state)
        _, is_closed = self._http.trailing_data
        is_complete = states == (h11.DONE, h11.DONE)
        return is_complete and not (self.has_surplus or is_closed or self._stream_may_hold_more)

    @property
    def has_spoken(self) -> bool:
        """Whether an idle connection was closed, or has sent something that nobody asked for."""
        is_readable = bool(self._stream.get_extra_info("is_readable"))
        return is_readable or (self._tls is not None and _holds_a_record(self._tls))

    @property
    def has_surplus(self) -> bool:
        """Whether bytes beyond the reply have come with it."""
        return bool(self._http.trailing_data[0])

    async def holds_surplus(self) -> bool:
        """Return whether an idle connection that has spoken was not only closed. This reads it."""
        try:
            return bool(await self._stream.read(1, timeout=SURPLUS_SECONDS))
        except (httpcore.ReadError, httpcore.ReadTimeout):
            return False

    def start_next_exchange(self) -> None:
        """Prepare a reusable connection for its next request."""
        self._http.start_next_cycle()
        self._budget = ReplyBudget(self._turns)
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
            HeadTooLongError: the heads cost more than they may.
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
            if event is None:
                raise HeadTooLongError
        timer.stop("first_byte_ms")
        self._budget.head_is_complete()
        return event

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the pieces of the reply's body, as far as the budget goes.

        A connection whose reply was not read to its end cannot be used again.

        Raises:
            ReplyCutShortError, h11.RemoteProtocolError, httpcore.NetworkError: it has no end.
        """
        while not isinstance(event := await self._next_event(), h11.EndOfMessage | None):
            if isinstance(event, h11.Data):
                yield bytes(event.data)

    async def _next_event(self) -> h11.Event | None:
        """Return what comes next in the reply, or None if its budget is used up."""
        while await self._budget.allows_step():
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
            if not self._budget.bytes_to_read:
                break
            await self._read()
        return None

    async def _read(self) -> None:
        try:
            data = await self._stream.read(max_bytes := self._budget.bytes_to_read)
        except httpcore.ReadError as error:
            if not self._has_replied:
                raise ClosedBeforeReplyError from error
            raise ReplyCutShortError from error
        if not data and not self._has_replied:
            raise ClosedBeforeReplyError from self._write_error
        self._has_replied = True
        self._stream_may_hold_more = len(data) == max_bytes
        self._budget.has_read(len(data))
        self._http.receive_data(data)


def _holds_a_record(tls: ssl.SSLObject) -> bool:
    """Return whether a whole TLS record was received and not read.

    It came together with the reply, so the socket no longer shows it.
    """
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:
        return True
    return True
