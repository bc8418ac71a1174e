"""The one door to tenants' URLs. Nothing else opens a connection to them.

It speaks httpcore, the transport under httpx: no redirects, cookies, environment proxies or
content decoding to switch off, because it has none (docs/decisions/0004-egress.md).
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from threading import Lock
from typing import Self

import httpcore
import structlog
from cachetools import LRUCache

from activities.egress.guarded_network import (
    BlockedDestinationError,
    GuardedNetwork,
    NameResolutionError,
    Resolver,
    ResolverBusyError,
    system_resolver,
)
from activities.egress.proxied_network import ProxiedNetwork, Proxy, ProxyUnreachableError
from activities.egress.timing import PhaseTimer, phase_timer
from hookwright.models import Timing
from hookwright.outcomes import Outcome
from hookwright.security import ClientIdentity, DestinationPolicy, load_identity

MAX_READ_BYTES = 65_536
MAX_KEPT_BYTES = 4_096
MAX_ERROR_BYTES = 1_024
MAX_CONNECTIONS = 1_000
KEEPALIVE_SECONDS = 30.0
MAX_CONTEXTS = 64
"""TLS contexts of client certificates that are kept. With the system's authorities each has 1 MB,
and takes 40 ms to make."""

FIRST_SUCCESS, FIRST_NON_SUCCESS = 200, 300

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Answer:
    """What came of one POST: the receiver's reply, or why there is none; and what was seen of it.

    `sent` are the request's headers, secrets and all; none if it never came to that.
    """

    outcome: Outcome
    status_code: int | None = None
    body: str | None = None
    error: str | None = None
    retry_after: str | None = None
    timing: Timing = field(default_factory=Timing)
    sent: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Egress:
    """Posts to receivers, within a deadline, and classifies what comes of it.

    With a `proxy` its word decides which addresses are dialled. `authorities` (PEM) are trusted
    beside the system's.
    """

    policy: DestinationPolicy
    resolve: Resolver = system_resolver
    proxy: Proxy | None = None
    authorities: str | None = None
    pool: httpcore.AsyncConnectionPool = field(init=False)
    _network: httpcore.AsyncNetworkBackend = field(init=False)
    _contexts: LRUCache[bytes, ssl.SSLContext] = field(
        default_factory=lambda: LRUCache(MAX_CONTEXTS), init=False
    )
    _contexts_lock: Lock = field(default_factory=Lock, init=False)

    def __post_init__(self) -> None:
        context = tls_context(self.authorities)
        network = (
            ProxiedNetwork(self.proxy, context)
            if self.proxy
            else GuardedNetwork(self.policy, self.resolve)
        )
        object.__setattr__(self, "_network", network)
        object.__setattr__(self, "pool", self._new_pool(context))

    def _new_pool(self, context: ssl.SSLContext) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=self._network,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pool.aclose()

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        timeout_seconds: float,
        identity: ClientIdentity | None = None,
    ) -> Answer:
        """POST the body; the timeout bounds the whole exchange, from name to last byte read.

        With an identity the connection is this POST's own: nobody else can come to speak on it.

        Raises:
            ResolverBusyError: our own resolver is held up; nothing was sent.
            ProxyUnreachableError: our own proxy is away; nothing was sent.
        """
        try:
            url = self.policy.check_url(url)
        except ValueError as refusal:
            return Answer(Outcome.BLOCKED_DESTINATION, error=str(refusal))
        with phase_timer() as watch:
            try:
                async with asyncio.timeout(timeout_seconds):
                    answer = await self._send(url, headers, body, identity, watch)
            except (ResolverBusyError, ProxyUnreachableError):
                raise
            except Exception as error:  # noqa: BLE001 - every failure is an attempt, classified
                answer = Answer(_outcome(error), error=_sentence(error, timeout_seconds))
        return replace(answer, timing=watch.timing, sent=watch.headers)

    async def _send(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        identity: ClientIdentity | None,
        watch: PhaseTimer,
    ) -> Answer:
        if identity is None or url.startswith("http:"):
            return await _exchange(self.pool, url, headers, body, watch)
        context = await asyncio.to_thread(self._context_of, identity)
        async with self._new_pool(context) as pool:
            return await _exchange(pool, url, headers, body, watch)

    def _context_of(self, identity: ClientIdentity) -> ssl.SSLContext:
        digest = sha256(identity.model_dump_json().encode()).digest()
        with self._contexts_lock:
            context = self._contexts.get(digest)
            if context is None:
                context = tls_context(self.authorities)
                load_identity(context, identity)
                self._contexts[digest] = context
            return context


async def _exchange(
    pool: httpcore.AsyncConnectionPool,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    watch: PhaseTimer,
) -> Answer:
    async with pool.stream(
        "POST",
        url,
        headers=list(headers.items()),
        content=body,
        extensions={"trace": watch.trace},
    ) as response:
        content = bytearray()
        async for chunk in response.aiter_stream():
            content += chunk
            if len(content) > MAX_READ_BYTES:
                break
            # Chunks that have arrived come without a pause: 64 KiB of chunks of one byte would
            # hold up the whole worker, and the timeout with it.
            await asyncio.sleep(0)
    delivered = FIRST_SUCCESS <= response.status < FIRST_NON_SUCCESS
    return Answer(
        Outcome.DELIVERED if delivered else Outcome.HTTP_ERROR,
        status_code=response.status,
        body=clip(content.decode(errors="replace"), MAX_KEPT_BYTES),
        error=None if delivered else f"the receiver answered {response.status}",
        retry_after=_header(response, b"retry-after"),
    )


def tls_context(authorities: str | None = None) -> ssl.SSLContext:
    """Return what verifies receivers: by the system's authorities, and by these (PEM) as well.

    Raises:
        ssl.SSLError: the text holds no certificate, or a broken one.
    """
    context = ssl.create_default_context()
    if authorities is not None:
        context.load_verify_locations(cadata=authorities)
    return context


def _outcome(error: Exception) -> Outcome:  # noqa: PLR0911 - a table
    match error:
        case TimeoutError():
            return Outcome.TIMEOUT
        case BlockedDestinationError():
            return Outcome.BLOCKED_DESTINATION
        case NameResolutionError():
            return Outcome.DNS_ERROR
        case httpcore.NetworkError() if _tls_fault(error):
            return Outcome.TLS_ERROR
        case httpcore.NetworkError() | OSError():
            return Outcome.CONNECTION_ERROR
        case httpcore.ProtocolError():
            return Outcome.PROTOCOL_ERROR
        case _:
            log.error("egress.unforeseen", exc_info=error)
            return Outcome.PROTOCOL_ERROR


def _sentence(error: Exception, timeout_seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no complete answer within {timeout_seconds:g} s"
    return clip(str(error) or str(_tls_fault(error) or type(error).__name__), MAX_ERROR_BYTES)


def _tls_fault(error: BaseException | None) -> ssl.SSLError | None:
    """Return what TLS found wrong. From TLS 1.3 on a receiver refuses us after the handshake."""
    while error:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None


def clip(text: str, limit: int) -> str:
    """Return the text, cut to so many bytes, as what can be stored."""
    return text.encode(errors="replace")[:limit].decode(errors="ignore")


def _header(response: httpcore.Response, name: bytes) -> str | None:
    values = [value for key, value in response.headers if key.lower() == name]
    return values[0].decode("latin-1")[:128] if values else None
