"""The transport below the httpx client: connections by tenant and origin, which are kept a while.

A connection belongs to one tenant and one origin. So no receiver's surplus can meet another
tenant's request, and a busy origin does not slow down the search for a connection of another.

Sockets of one tenant are bounded. Each attempt under way has one, or up to MAX_DIALLED while it
connects, and `activities.shares` bounds the attempts of a tenant. Of the idle ones a tenant keeps
no more than leave the others theirs (`IdleConnections`).
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from typing import Self

import httpx
from cachetools import TTLCache

from activities.egress.connection import ClosedBeforeReplyError, ReceiverConnection
from activities.egress.guarded_network import Network
from activities.egress.idle_connections import IdleConnections, Origin
from activities.egress.reply_budget import ReplyTurns
from activities.egress.timing import PhaseTimer

KEEPALIVE_SECONDS = 30.0
"""How long a connection is kept for the next request of its origin."""

SURPLUS_REMEMBERED_SECONDS = 3_600.0
"""For so long no connection is kept to an origin that has sent a surplus. HTTP/1.1 cannot tell one
that comes late, after the next request, from that request's reply."""

MAX_REMEMBERED_ORIGINS = 10_000


class ReceiverTransport(httpx.AsyncBaseTransport):
    """Sends each request over a connection of its tenant, a kept one or a fresh one.

    A request's extensions are `tenant_id`, `target` (the exact bytes of the request target),
    `timer` and `ssl_context`. A request with a TLS context of its own has its own connection, too.
    """

    def __init__(self, network: Network, context: ssl.SSLContext) -> None:
        self._network = network
        self._context = context
        self.turns = ReplyTurns()
        self.idle = IdleConnections()
        self._with_surplus: TTLCache[Origin, bool] = TTLCache(
            MAX_REMEMBERED_ORIGINS, SURPLUS_REMEMBERED_SECONDS
        )
        self._expiry: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._expiry = asyncio.create_task(self._close_expired())
        return self

    async def aclose(self) -> None:
        """Close all idle connections. None is kept from now on."""
        if self._expiry:
            self._expiry.cancel()
            self._expiry = None
        while connection := self.idle.oldest:
            await self.idle.remove(connection).aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its reply, whose body is still to be read.

        If a kept connection ends before any byte of a reply, the request is sent once more over a
        fresh one: the receiver had closed it before the request arrived (RFC 9112, section 9.3.1).
        """
        origin = _origin(request)
        own_context = request.extensions.get("ssl_context")
        kept = None if own_context else await self._take(origin)
        if kept is not None:
            try:
                return await self._exchange(kept, origin, request)
            except ClosedBeforeReplyError:
                pass
        fresh = await self._connect(origin, own_context or self._context, _timer(request))
        return await self._exchange(fresh, None if own_context else origin, request)

    async def _exchange(
        self, connection: ReceiverConnection, keep_for: Origin | None, request: httpx.Request
    ) -> httpx.Response:
        try:
            head = await connection.exchange(request, request.extensions["target"], _timer(request))
        except BaseException:
            await connection.aclose()
            raise
        return httpx.Response(
            head.status_code,
            headers=list(head.headers.raw_items()),
            stream=_Body(self, connection, keep_for),
        )

    async def _connect(
        self, origin: Origin, context: ssl.SSLContext, timer: PhaseTimer
    ) -> ReceiverConnection:
        tenant_id, scheme, host, port = origin
        timer.restart()
        stream = await self._network.connect(tenant_id, host, port)
        timer.stop("connect_ms")
        if scheme == "https":
            stream = await stream.start_tls(context, host)
            timer.stop("tls_ms")
        return ReceiverConnection(stream, self.turns)

    async def _take(self, origin: Origin) -> ReceiverConnection | None:
        """Return the connection of this origin that was used last, if one can still be used."""
        while connection := self.idle.take(origin):
            if connection.has_spoken:
                if await connection.holds_surplus():
                    self._with_surplus[origin] = True
            elif origin not in self._with_surplus:
                connection.start_next_exchange()
                return connection
            await connection.aclose()
        return None

    async def keep(self, connection: ReceiverConnection, origin: Origin | None) -> None:
        """Keep a connection for the next request of its origin, or close it."""
        if origin and connection.has_surplus:
            self._with_surplus[origin] = True
        is_open = self._expiry is not None and connection.is_reusable
        if origin is None or not is_open or origin in self._with_surplus:
            await connection.aclose()
            return
        connection.idle_since = time.monotonic()
        if has_no_room := self.idle.add(connection, origin):
            await has_no_room.aclose()

    async def _close_expired(self) -> None:
        """Close the connections that were idle for too long, as long as this transport is open."""
        while True:
            wait = KEEPALIVE_SECONDS
            while oldest := self.idle.oldest:
                wait = oldest.idle_since + KEEPALIVE_SECONDS - time.monotonic()
                if wait > 0:
                    break
                await self.idle.remove(oldest).aclose()
            await asyncio.sleep(wait)


class _Body(httpx.AsyncByteStream):
    """The body of a reply. When it is closed, its connection is kept or closed."""

    def __init__(
        self, transport: ReceiverTransport, connection: ReceiverConnection, origin: Origin | None
    ) -> None:
        self._transport = transport
        self._connection = connection
        self._origin = origin

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._connection.body():
            yield piece

    async def aclose(self) -> None:
        await self._transport.keep(self._connection, self._origin)


def _origin(request: httpx.Request) -> Origin:
    url = request.url
    port = url.port or (443 if url.scheme == "https" else 80)
    return Origin(request.extensions["tenant_id"], url.scheme, url.raw_host.decode(), port)


def _timer(request: httpx.Request) -> PhaseTimer:
    timer: PhaseTimer = request.extensions["timer"]
    return timer
