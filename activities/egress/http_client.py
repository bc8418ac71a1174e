"""The HTTP client for tenants' URLs. No other code opens a connection to them.

It uses httpcore, the transport under httpx, which has no redirects, cookies, environment proxies
or content decoding that would have to be switched off (docs/decisions/0004-egress.md).
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
MAX_STORED_BODY_BYTES = 4_096
MAX_ERROR_BYTES = 1_024
MAX_CONNECTIONS = 1_000
KEEPALIVE_SECONDS = 30.0
MAX_TLS_CONTEXTS = 64
"""How many TLS contexts of client certificates are cached. With the system's authorities each takes
1 MB of memory, and 40 ms to make."""

FIRST_SUCCESS, FIRST_NON_SUCCESS = 200, 300

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Answer:
    """The result of one POST: the receiver's answer, or why there is none, and its timing.

    `sent` are the request's headers, including secrets. It is empty if no headers were sent.
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
    """Posts to receivers within a deadline, and classifies the result.

    With a `proxy`, the proxy decides which addresses may be dialled. The certificate `authorities`
    (PEM) are trusted in addition to the system's.
    """

    policy: DestinationPolicy
    resolve: Resolver = system_resolver
    proxy: Proxy | None = None
    authorities: str | None = None
    pool: httpcore.AsyncConnectionPool = field(init=False)
    _network: httpcore.AsyncNetworkBackend = field(init=False)
    _contexts: LRUCache[bytes, ssl.SSLContext] = field(
        default_factory=lambda: LRUCache(MAX_TLS_CONTEXTS), init=False
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
        """POST the body and return the answer.

        The timeout covers the whole exchange, from the name's resolution to the last byte. With an
        identity the connection is used for this POST only, because another endpoint must not use a
        connection that shows this identity.

        Raises:
            ResolverBusyError: Hookwright's resolver is busy; nothing was sent.
            ProxyUnreachableError: Hookwright's proxy cannot be reached; nothing was sent.
        """
        try:
            url = self.policy.check_url(url)
        except ValueError as refusal:
            return Answer(Outcome.BLOCKED_DESTINATION, error=str(refusal))
        with phase_timer() as timer:
            try:
                async with asyncio.timeout(timeout_seconds):
                    answer = await self._send(url, headers, body, identity, timer)
            except (ResolverBusyError, ProxyUnreachableError):
                raise
            except Exception as error:  # noqa: BLE001 - every failure is classified as an outcome
                answer = Answer(_outcome(error), error=_error_text(error, timeout_seconds))
        return replace(answer, timing=timer.timing, sent=timer.headers)

    async def _send(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        identity: ClientIdentity | None,
        timer: PhaseTimer,
    ) -> Answer:
        if identity is None or url.startswith("http:"):
            return await _exchange(self.pool, url, headers, body, timer)
        context = await asyncio.to_thread(self._context_with, identity)
        async with self._new_pool(context) as pool:
            return await _exchange(pool, url, headers, body, timer)

    def _context_with(self, identity: ClientIdentity) -> ssl.SSLContext:
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
    timer: PhaseTimer,
) -> Answer:
    async with pool.stream(
        "POST",
        url,
        headers=list(headers.items()),
        content=body,
        extensions={"trace": timer.trace},
    ) as response:
        content = bytearray()
        async for chunk in response.aiter_stream():
            content += chunk
            if len(content) > MAX_READ_BYTES:
                break
            # Chunks that have arrived are yielded without a pause. 64 KiB in chunks of one byte
            # would block the whole worker, and the timeout as well.
            await asyncio.sleep(0)
    delivered = FIRST_SUCCESS <= response.status < FIRST_NON_SUCCESS
    return Answer(
        Outcome.DELIVERED if delivered else Outcome.HTTP_ERROR,
        status_code=response.status,
        body=clip(content.decode(errors="replace"), MAX_STORED_BODY_BYTES),
        error=None if delivered else f"the receiver answered {response.status}",
        retry_after=_header(response, b"retry-after"),
    )


def tls_context(authorities: str | None = None) -> ssl.SSLContext:
    """Return the TLS context that verifies receivers.

    It trusts the system's authorities, and the given `authorities` (PEM) as well.

    Raises:
        ssl.SSLError: `authorities` holds no certificate, or an invalid one.
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
            log.error("egress.unexpected_error", exc_info=error)
            return Outcome.PROTOCOL_ERROR


def _error_text(error: Exception, timeout_seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no complete answer within {timeout_seconds:g} s"
    return clip(str(error) or str(_tls_fault(error) or type(error).__name__), MAX_ERROR_BYTES)


def _tls_fault(error: BaseException | None) -> ssl.SSLError | None:
    """Return the TLS error among the causes of an error, or None.

    Since TLS 1.3 a receiver refuses a client after the handshake, so the error of the connection
    may hide the TLS error.
    """
    while error:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None


def clip(text: str, limit: int) -> str:
    """Return the text, cut to `limit` bytes, without characters that cannot be stored."""
    return text.encode(errors="replace")[:limit].decode(errors="ignore")


def _header(response: httpcore.Response, name: bytes) -> str | None:
    values = [value for key, value in response.headers if key.lower() == name]
    return values[0].decode("latin-1")[:128] if values else None
