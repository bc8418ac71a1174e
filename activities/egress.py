"""The one door to tenants' URLs. Nothing else opens a connection to them.

It speaks httpcore, the transport under httpx: no redirects, cookies, environment proxies or
content decoding to switch off, because it has none (docs/decisions/0004-egress.md).
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import httpcore
import structlog

from activities.guarded_network import (
    BlockedDestinationError,
    GuardedNetwork,
    NameResolutionError,
    Resolver,
    ResolverBusyError,
    system_resolver,
)
from hookwright.destinations import DestinationPolicy
from hookwright.outcomes import Outcome

MAX_READ_BYTES = 65_536
MAX_KEPT_BYTES = 4_096
MAX_ERROR_BYTES = 1_024
MAX_CONNECTIONS = 1_000
KEEPALIVE_SECONDS = 30.0
FIRST_SUCCESS, FIRST_NON_SUCCESS = 200, 300

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Answer:
    """What came of one POST: the receiver's reply, or why there is none."""

    outcome: Outcome
    status_code: int | None = None
    body: str | None = None
    error: str | None = None
    retry_after: str | None = None


@dataclass(frozen=True)
class Egress:
    """Posts to receivers, within a deadline, and classifies what comes of it."""

    policy: DestinationPolicy
    resolve: Resolver = system_resolver
    pool: httpcore.AsyncConnectionPool = field(init=False)

    def __post_init__(self) -> None:
        pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=GuardedNetwork(self.policy, self.resolve),
        )
        object.__setattr__(self, "pool", pool)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pool.aclose()

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float
    ) -> Answer:
        """POST the body; the timeout bounds the whole exchange, from name to last byte read.

        Raises:
            ResolverBusyError: our own resolver is held up; nothing was sent.
        """
        try:
            url = self.policy.check_url(url)
        except ValueError as refusal:
            return Answer(Outcome.BLOCKED_DESTINATION, error=str(refusal))
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._exchange(url, headers, body)
        except ResolverBusyError:
            raise
        except Exception as error:  # noqa: BLE001 - every failure is an attempt, classified
            return Answer(_outcome(error), error=_sentence(error, timeout_seconds))

    async def _exchange(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        async with self.pool.stream("POST", url, headers=list(headers.items()), content=body) as (
            response
        ):
            content = b""
            async for chunk in response.aiter_stream():
                content += chunk
                if len(content) > MAX_READ_BYTES:
                    break
        delivered = FIRST_SUCCESS <= response.status < FIRST_NON_SUCCESS
        return Answer(
            Outcome.DELIVERED if delivered else Outcome.HTTP_ERROR,
            status_code=response.status,
            body=clip(content.decode(errors="replace"), MAX_KEPT_BYTES),
            error=None if delivered else f"the receiver answered {response.status}",
            retry_after=_header(response, b"retry-after"),
        )


def _outcome(error: Exception) -> Outcome:  # noqa: PLR0911 - a table
    match error:
        case TimeoutError():
            return Outcome.TIMEOUT
        case BlockedDestinationError():
            return Outcome.BLOCKED_DESTINATION
        case NameResolutionError():
            return Outcome.DNS_ERROR
        case httpcore.NetworkError() if isinstance(error.__context__, ssl.SSLError):
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
    return clip(str(error) or type(error).__name__, MAX_ERROR_BYTES)


def clip(text: str, limit: int) -> str:
    """Return the text, cut to so many bytes, as what can be stored."""
    return text.encode(errors="replace")[:limit].decode(errors="ignore")


def _header(response: httpcore.Response, name: bytes) -> str | None:
    values = [value for key, value in response.headers if key.lower() == name]
    return values[0].decode("latin-1")[:128] if values else None
