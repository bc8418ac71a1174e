"""A receiver: a real HTTP server that keeps what it got and answers as the test sets it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h11


@dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass(frozen=True)
class Reply:
    """What the receiver answers, once `gate` is open."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"ok"
    gate: asyncio.Event | None = None


Behaviour = Callable[[Received], Reply]


async def next_request(
    connection: h11.Connection, reader: asyncio.StreamReader
) -> tuple[h11.Request, bytes] | None:
    """Return the next request with its body, or None if the connection has ended."""
    head, body = None, b""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        match event:
            case h11.NEED_DATA:
                connection.receive_data(await reader.read(65536))
            case h11.Request():
                head = event
            case h11.Data():
                body += bytes(event.data)
            case h11.ConnectionClosed():
                return None
    assert head is not None  # h11 gives no end of a message that has no head
    return head, body


@dataclass
class Receiver:
    """Serves on loopback; `behave` decides each answer."""

    behave: Behaviour = lambda _: Reply()
    requests: list[Received] = field(default_factory=list)
    port: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def ids(self) -> list[str]:
        return [request.webhook_id for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        self.writers.add(writer)
        try:
            while await self._one(connection, reader, writer):
                connection.start_next_cycle()
        except (ConnectionError, h11.RemoteProtocolError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def _one(
        self,
        connection: h11.Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        request = await next_request(connection, reader)
        if request is None:
            return False
        head, body = request
        headers = {name.decode(): value.decode() for name, value in head.headers}
        received = Received(head.method.decode(), head.target.decode(), headers, body)
        self.requests.append(received)
        reply = self.behave(received)
        if reply.gate:
            await reply.gate.wait()
        sized = [*reply.headers, ("content-length", str(len(reply.body)))]
        for part in (
            h11.Response(status_code=reply.status, headers=sized),
            h11.Data(data=reply.body),
            h11.EndOfMessage(),
        ):
            writer.write(connection.send(part) or b"")
        await writer.drain()
        return connection.our_state is h11.DONE and connection.their_state is h11.DONE


@asynccontextmanager
async def receiver(behave: Behaviour = lambda _: Reply()) -> AsyncIterator[Receiver]:
    """Run a receiver while the context lasts."""
    it = Receiver(behave)
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        for writer in it.writers:
            writer.close()
        await server.wait_closed()


def answering(*statuses: int) -> Behaviour:
    """Answer with these statuses in turn, and with the last one from then on."""
    left = list(statuses)
    return lambda _: Reply(left.pop(0) if len(left) > 1 else left[0])
