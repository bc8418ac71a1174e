"""What a worker knows of endpoints' receivers: do they answer soon, or are they slow or failing?

The attempts of endpoints that are slow or failing go a way of their own, so that they take nothing
from others (docs/decisions/0030-shares-by-tenant.md). A worker learns this from its own attempts.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from cachetools import TTLCache

from activities.delivery.request import SentAttempt
from hookwright.outcomes import Outcome

SLOW_SECONDS = 3.0
"""An endpoint is slow if its attempts take so long on average, or one under way already has. It is
well above what a busy machine adds, so that nobody is slow because the worker is."""

FAILING_AFTER = 3
"""An endpoint is failing after so many failures without a success."""

LATEST_WEIGHT = 0.25
"""The weight of the latest attempt in the average."""

MAX_KNOWN = 10_000
REMEMBERED_SECONDS = 600.0
"""How long an endpoint is known after its latest attempt."""


class EndpointPace(Enum):
    """What is known of an endpoint. `NEW`: no attempt has ended lately."""

    NEW = auto()
    PROMPT = auto()
    SLOW = auto()


@dataclass
class Record:
    """The attempts of one endpoint. `under_way` has when each began, the oldest first."""

    average_seconds: float | None = None
    failures: int = 0
    under_way: dict[object, float] = field(default_factory=dict)

    def pace(self, now: float) -> EndpointPace:
        """Return what is known at this time."""
        oldest = next(iter(self.under_way.values()), now)
        if now - oldest >= SLOW_SECONDS or self.failures >= FAILING_AFTER:
            return EndpointPace.SLOW
        if self.average_seconds is None:
            return EndpointPace.NEW
        return EndpointPace.SLOW if self.average_seconds >= SLOW_SECONDS else EndpointPace.PROMPT

    def ended(self, seconds: float, *, delivered: bool) -> None:
        """Note how an attempt ended."""
        earlier = seconds if self.average_seconds is None else self.average_seconds
        self.average_seconds = earlier + LATEST_WEIGHT * (seconds - earlier)
        self.failures = 0 if delivered else self.failures + 1


@dataclass(frozen=True)
class Paces:
    """The endpoints that this worker knows."""

    clock: Callable[[], float] = time.monotonic
    _known: TTLCache[tuple[str, str], Record] = field(
        default_factory=lambda: TTLCache(MAX_KNOWN, REMEMBERED_SECONDS), init=False
    )

    def of(self, tenant_id: str, endpoint_id: str) -> EndpointPace:
        """Return what is known of an endpoint."""
        record = self._known.get((tenant_id, endpoint_id))
        return record.pace(self.clock()) if record else EndpointPace.NEW

    async def observed(
        self, tenant_id: str, endpoint_id: str, sending: Awaitable[SentAttempt]
    ) -> SentAttempt:
        """Await an attempt, and learn from it. One that ends by a fault of ours teaches nothing."""
        key, attempt, began = (tenant_id, endpoint_id), object(), self.clock()
        record = self._known.get(key) or Record()
        self._known[key] = record
        record.under_way[attempt] = began
        try:
            sent = await sending
        finally:
            del record.under_way[attempt]
        record.ended(self.clock() - began, delivered=sent.attempt.outcome is Outcome.DELIVERED)
        self._known[key] = record  # an endpoint that is in use is not forgotten
        return sent
