"""How often a caller may call: counted by tenant and tier, publishing apart from management.

Windows of a minute begin with a caller's first call. Several API processes count together in
Redis; while it is away each counts by itself, and nobody is refused for that.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.config import IN_MEMORY
from api.http import Problem
from hookwright.models import Tier

STORAGE_SECONDS = 0.5
"""A call waits so long for Redis at most."""

AWAY_SECONDS = 5.0
"""After a failure Redis is left alone for a while: calls should not all wait for it in vain."""

log = structlog.get_logger(__name__)


class Kind(StrEnum):
    """What is counted: requests, or published events. One does not eat the other's share."""

    MANAGEMENT = "management"
    PUBLISH = "publish"


PER_MINUTE: Mapping[Kind, Mapping[Tier, int]] = {
    Kind.MANAGEMENT: {Tier.FREE: 60, Tier.PRO: 600, Tier.ENTERPRISE: 6_000},
    Kind.PUBLISH: {Tier.FREE: 600, Tier.PRO: 6_000, Tier.ENTERPRISE: 60_000},
}
"""The requests are those of a published contract. Ten times as many events, each of a batch
counted: 1,000 a second is beyond what one machine delivers."""


@dataclass(frozen=True)
class RateLimitStatus:
    """How a caller stands after a call: of `limit` are `remaining`, until `reset_seconds`."""

    limit: int
    remaining: int
    reset_seconds: int
    exceeded: bool

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say so (draft-polli-ratelimit-headers)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }

    def problem(self, what: Kind) -> Problem:
        """Return the 429."""
        counted = "events" if what is Kind.PUBLISH else "requests"
        return Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too-many-requests",
            f"at most {self.limit} {counted} a minute; come back in {self.reset_seconds} s",
            headers={"Retry-After": str(self.reset_seconds)},
        )


@dataclass
class RateLimits:
    """Counts calls. `shared` is Redis, or None: then each process counts by itself."""

    shared: FixedWindowRateLimiter | None = None
    own: FixedWindowRateLimiter = field(
        default_factory=lambda: FixedWindowRateLimiter(MemoryStorage())
    )
    _away_until: float = 0.0

    @classmethod
    def at(cls, storage_url: str) -> "RateLimits":
        """Return counters in this process, or in Redis, which need not be up."""
        if storage_url == IN_MEMORY:
            return cls()
        storage = RedisStorage(
            storage_url,
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="hookwright",
            socket_timeout=STORAGE_SECONDS,
            socket_connect_timeout=STORAGE_SECONDS,
            retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type] # passed on as it is
        )
        return cls(FixedWindowRateLimiter(storage))

    async def count(self, per_minute: int, *who: str, cost: int = 1) -> RateLimitStatus:
        """Count a call, and return how the caller stands."""
        item = RateLimitItemPerMinute(per_minute)
        if self.shared and time.monotonic() >= self._away_until:
            try:
                rate_limit_status = await _counted(self.shared, item, who, cost)
            except (StorageError, OSError, TimeoutError) as error:
                if not self._away_until:
                    log.warning("limits.redis_away", error=str(error))
                self._away_until = time.monotonic() + AWAY_SECONDS
            else:
                if self._away_until:
                    log.info("limits.redis_back")
                self._away_until = 0.0
                return rate_limit_status
        return await _counted(self.own, item, who, cost)


async def _counted(
    limiter: FixedWindowRateLimiter, item: RateLimitItemPerMinute, who: tuple[str, ...], cost: int
) -> RateLimitStatus:
    within = await limiter.hit(item, *who, cost=cost)
    reset, remaining = await limiter.get_window_stats(item, *who)
    return RateLimitStatus(
        limit=item.amount,
        remaining=remaining,
        reset_seconds=max(1, math.ceil(reset - time.time())),
        exceeded=not within,
    )


class RateLimitHeaders:
    """Puts the caller's standing on every answer, whoever gave it: middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        state = scope.setdefault("state", {})

        async def send_with_headers(message: Message) -> None:
            rate_limit_status: RateLimitStatus | None = state.get("rate_limit_status")
            if rate_limit_status and message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(rate_limit_status.headers)
            await send(message)

        await self.app(scope, receive, send_with_headers)
