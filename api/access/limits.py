"""Rate limits. They depend on the tenant's tier, and are separate for each kind of call.

A window of a minute begins with a caller's first request. Several API processes share their counts
in Redis. While Redis is not available each process counts by itself, and no request fails for that
reason.
"""

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import TypeVar

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.delivery_budget import debt_seconds, spend
from api.config import IN_MEMORY
from api.http import Problem
from hookwright.models import Tier

REDIS_TIMEOUT_SECONDS = 0.5
"""A request waits for Redis at most so long."""

REDIS_RETRY_SECONDS = 5.0
"""After a failure Redis is not asked for so long, so that not every request waits for a timeout."""

Found = TypeVar("Found")

log = structlog.get_logger(__name__)


class CallKind(StrEnum):
    """What a limit counts: requests, reads, published events, or the portal's pages.

    Each has its own. Reads are those of a tenant's own routes, without the facades'.
    """

    MANAGEMENT = "management"
    READ = "read"
    PUBLISH = "publish"
    PORTAL = "portal"


PER_MINUTE: Mapping[CallKind, dict[Tier, int]] = {
    CallKind.MANAGEMENT: {Tier.FREE: 60, Tier.PRO: 600, Tier.ENTERPRISE: 6_000},
    CallKind.READ: {Tier.FREE: 600, Tier.PRO: 6_000, Tier.ENTERPRISE: 60_000},
    CallKind.PUBLISH: {Tier.FREE: 600, Tier.PRO: 6_000, Tier.ENTERPRISE: 60_000},
    CallKind.PORTAL: {Tier.FREE: 600, Tier.PRO: 1_200, Tier.ENTERPRISE: 6_000},
}
"""The limits for requests come from a published contract. Ten times as many events are allowed,
and each event of a batch counts: 1,000 a second is more than one machine delivers. Ten times as
many reads are allowed, too: a page that asks for endpoints, deliveries and figures every three
seconds makes 60 a minute, and there may be several such pages. A portal page that refreshes itself
every five seconds reads 12 pages a minute."""


DELIVERIES_PER_MINUTE = {Tier.FREE: 6_000, Tier.PRO: 60_000, Tier.ENTERPRISE: 600_000}
"""How many deliveries a tenant may publish: ten endpoints an event at the full rate of events."""

MAX_ENDPOINTS = {Tier.FREE: 100, Tier.PRO: 1_000, Tier.ENTERPRISE: 10_000}
"""How many endpoints a tenant may have that creates them itself."""

COUNTED = {
    CallKind.MANAGEMENT: "requests",
    CallKind.READ: "reads",
    CallKind.PUBLISH: "events",
    CallKind.PORTAL: "pages",
}


@dataclass(frozen=True)
class RateLimitStatus:
    """A caller's rate limit after a request.

    Of `limit` requests or events a minute, `remaining` are left in this window, which ends in
    `reset_seconds`.
    """

    limit: int
    remaining: int
    reset_seconds: int
    exceeded: bool

    @property
    def headers(self) -> dict[str, str]:
        """The headers that report this status (draft-polli-ratelimit-headers)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }

    def problem(self, kind: CallKind) -> Problem:
        """Return the 429 for an exceeded limit."""
        return Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too-many-requests",
            f"at most {self.limit} {COUNTED[kind]} a minute; try again in {self.reset_seconds} s",
            headers={"Retry-After": str(self.reset_seconds)},
        )


@dataclass
class RateLimits:
    """Counts requests and events in Redis, or else in this process.

    `in_redis` is None if there is no Redis. `in_process` is used then, and while Redis fails.
    """

    in_redis: FixedWindowRateLimiter | None = None
    in_process: FixedWindowRateLimiter = field(
        default_factory=lambda: FixedWindowRateLimiter(MemoryStorage())
    )
    _retry_redis_at: float = 0.0

    @classmethod
    def at(cls, storage_url: str) -> "RateLimits":
        """Return rate limits with this storage. If it is Redis, it need not be running yet."""
        if storage_url == IN_MEMORY:
            return cls()
        # The client of Redis takes 10 MB, and most installations have no Redis.
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415

        storage = RedisStorage(
            storage_url,
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="hookwright",
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type] # limits passes it on unchanged
        )
        return cls(FixedWindowRateLimiter(storage))

    async def count(self, per_minute: int, *identifiers: str, cost: int = 1) -> RateLimitStatus:
        """Count a call of a caller, whom the identifiers name, and return the caller's status."""
        item = RateLimitItemPerMinute(per_minute)
        return await self._counting(lambda limiter: _count(limiter, item, identifiers, cost))

    async def spend(self, per_minute: int, tenant_id: str, cost: int) -> None:
        """Take so many deliveries from a tenant's budget. What it has not is taken from later."""
        await self._counting(lambda limiter: spend(limiter.storage, per_minute, tenant_id, cost))

    async def debt_seconds(self, per_minute: int, tenant_id: str) -> int:
        """Return in how many seconds a tenant has deliveries to spend again; 0 if it has some."""
        return await self._counting(
            lambda limiter: debt_seconds(limiter.storage, per_minute, tenant_id)
        )

    async def _counting(self, call: Callable[[FixedWindowRateLimiter], Awaitable[Found]]) -> Found:
        """Count in Redis, or in this process while there is no Redis."""
        if self.in_redis and time.monotonic() >= self._retry_redis_at:
            try:
                found = await call(self.in_redis)
            except (StorageError, OSError, TimeoutError) as error:
                if not self._retry_redis_at:
                    log.warning("limits.redis_unavailable", error=str(error))
                self._retry_redis_at = time.monotonic() + REDIS_RETRY_SECONDS
            else:
                if self._retry_redis_at:
                    log.info("limits.redis_available")
                self._retry_redis_at = 0.0
                return found
        return await call(self.in_process)


async def _count(
    limiter: FixedWindowRateLimiter,
    item: RateLimitItemPerMinute,
    identifiers: tuple[str, ...],
    cost: int,
) -> RateLimitStatus:
    is_within_limit = await limiter.hit(item, *identifiers, cost=cost)
    reset_at, remaining = await limiter.get_window_stats(item, *identifiers)
    return RateLimitStatus(
        limit=item.amount,
        remaining=remaining,
        reset_seconds=max(1, math.ceil(reset_at - time.time())),
        exceeded=not is_within_limit,
    )


class RateLimitHeaders:
    """Middleware that adds the headers of the caller's rate limit to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and add the headers to its answer."""
        state = scope.setdefault("state", {})

        async def send_with_headers(message: Message) -> None:
            rate_limit_status: RateLimitStatus | None = state.get("rate_limit_status")
            if rate_limit_status and message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(rate_limit_status.headers)
            await send(message)

        await self.app(scope, receive, send_with_headers)
