"""The receiver of all deliveries: a minimal HTTP/1.1 server that answers 200 and counts requests.

It is written with asyncio's protocols, so that its own cost is small compared with what is
measured.
"""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
BACKLOG = 2_048
BLANK_LINE = b"\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PATH = re.compile(rb"\S+ (\S+)")
WEBHOOK_ID = re.compile(rb"\r\nwebhook-id: *([\w-]+)", re.IGNORECASE)


@dataclass
class Receiver:
    """Notes when each webhook has arrived, and sets an event after enough arrivals.

    Every POST counts: one that is sent twice is noted twice. The clock is `time.perf_counter`.
    """

    port: int = 0
    arrivals: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    total: int = 0
    open_connections: int = 0
    most_connections: int = 0
    _waiting: dict[str, tuple[int, asyncio.Event]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The URL that webhooks are sent to."""
        return f"http://127.0.0.1:{self.port}/hooks"

    def arrival(self, webhook_id: str, times: int) -> asyncio.Event:
        """Return an event that is set once this webhook has arrived so many times."""
        arrived = asyncio.Event()
        self._waiting[webhook_id] = (times, arrived)
        return arrived

    def posts(self, webhook_ids: Iterable[str]) -> int:
        """Return how many POSTs these webhooks have made so far."""
        return sum(len(self.arrivals[webhook_id]) for webhook_id in webhook_ids)

    def reply(self, path: str, webhook_id: str) -> bytes:  # noqa: ARG002 - for receivers of others
        """Return the reply to a webhook that has been noted; with b"" the receiver hangs."""
        return ANSWER

    def note(self, webhook_id: str) -> None:
        """Note one arrival of a webhook."""
        self.total += 1
        self.arrivals[webhook_id].append(time.perf_counter())
        times, arrived = self._waiting.get(webhook_id, (0, None))
        if arrived and len(self.arrivals[webhook_id]) >= times:
            arrived.set()
            del self._waiting[webhook_id]


AnyReceiver = TypeVar("AnyReceiver", bound=Receiver)


class _Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.received = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, and store its transport, which takes the answers."""
        receiver = self.receiver
        receiver.open_connections += 1
        receiver.most_connections = max(receiver.most_connections, receiver.open_connections)
        if isinstance(transport, asyncio.Transport):
            self.transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        """Count the connection no longer."""
        self.receiver.open_connections -= 1

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self.received += data
        while (end := self._end()) <= len(self.received):
            path, found = PATH.match(self.received), WEBHOOK_ID.search(self.received, 0, end)
            self.received = self.received[end:]
            webhook_id = found[1].decode() if found else ""
            self.receiver.note(webhook_id)
            if self.transport:
                self.transport.write(
                    self.receiver.reply(path[1].decode() if path else "", webhook_id)
                )

    def _end(self) -> int:
        """Return where the first request ends.

        While it is incomplete, this is a position after the bytes that have arrived.
        """
        head, blank_line, _ = self.received.partition(BLANK_LINE)
        if not blank_line:
            return len(self.received) + 1
        length = CONTENT_LENGTH.search(head)
        return len(head) + len(BLANK_LINE) + (int(length[1]) if length else 0)


@asynccontextmanager
async def running_receiver(receiver: AnyReceiver) -> AsyncIterator[AnyReceiver]:
    """Run a receiver on a port of loopback while the context is open."""
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(receiver), "127.0.0.1", 0, backlog=BACKLOG
    )
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
