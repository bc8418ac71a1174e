"""The service of statistics: totals of a tenant, or of all, counted by visibility, seldom."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cachetools import TTLCache

from api.services.visibility import Visibility
from hookwright.outcomes import DeliveryState
from hookwright.temporal import (
    DELIVERY_STATE,
    TENANT_ID,
    WorkflowType,
    attribute_in,
    attribute_is,
    executions_of,
)

CACHED_SECONDS = 5.0

STATES = {
    "Running": DeliveryState.PENDING,
    "Completed": DeliveryState.DELIVERED,
    "Failed": DeliveryState.EXHAUSTED,
}
"""The states by status; a search attribute tells held and expired deliveries apart."""


@dataclass(frozen=True)
class Totals:
    """How many deliveries there are in each state."""

    deliveries: dict[DeliveryState, int]
    counted_at: datetime


@dataclass(frozen=True)
class StatisticsService:
    """Counts deliveries; all callers of the next seconds share one answer."""

    visibility: Visibility
    _recent: TTLCache[str | None, asyncio.Task[Totals]] = field(
        default_factory=lambda: TTLCache(10_000, CACHED_SECONDS), init=False
    )

    async def totals(self, tenant_id: str | None) -> Totals:
        """Return totals of at most CACHED_SECONDS ago: of a tenant, or of all tenants for None.

        Raises:
            Problem: 503, visibility is too busy. The next call asks again.
        """
        counting = self._recent.get(tenant_id)
        if counting is None:
            counting = self._recent[tenant_id] = asyncio.create_task(self._count(tenant_id))
            counting.add_done_callback(lambda it: self._forget_failed(tenant_id, it))
        # The first to ask may go away while others wait.
        return await asyncio.shield(counting)

    def _forget_failed(self, tenant_id: str | None, counting: asyncio.Task[Totals]) -> None:
        failed = counting.cancelled() or counting.exception()
        if failed and self._recent.get(tenant_id) is counting:
            del self._recent[tenant_id]

    async def _count(self, tenant_id: str | None) -> Totals:
        kind, tenant = WorkflowType.DELIVERY, attribute_is(TENANT_ID, tenant_id)
        marks = attribute_in(DELIVERY_STATE, [DeliveryState.HELD, DeliveryState.EXPIRED])
        now = datetime.now(UTC)
        by_status, marked = await asyncio.gather(
            self.visibility.by_status(executions_of(kind, tenant)),
            self.visibility.by_status(executions_of(kind, tenant, marks)),
        )
        states = Counter(dict.fromkeys(DeliveryState, 0))
        for status, number in by_status.items():
            states[STATES.get(status, DeliveryState.CANCELLED)] += number
        for part, whole, status in (
            (DeliveryState.HELD, DeliveryState.PENDING, "Running"),
            (DeliveryState.EXPIRED, DeliveryState.EXHAUSTED, "Failed"),
        ):
            # The two counts were not made at the same moment.
            states[part] = min(marked[status], states[whole])
            states[whole] -= states[part]
        return Totals(dict(states), now)
