"""Routes of statistics: counts of an endpoint's attempts and of a tenant's deliveries."""

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.access import ServicesDependency
from api.http import responses
from api.routes.strict_route import StrictRoute
from hookwright.health import ERROR_PERCENT, quantile, success_rate
from hookwright.ids import Name
from hookwright.models import EndpointState
from hookwright.outcomes import DeliveryState, Outcome
from hookwright.times import Timestamp

router = APIRouter(prefix="/v1/tenants/{tenant_id}", tags=["statistics"], route_class=StrictRoute)


class Window(IntEnum):
    """The length of time, in seconds, in which attempts are counted."""

    HOUR = 3_600
    DAY = 86_400


class EndpointStatsRead(BaseModel):
    """Counts of an endpoint's attempts in the last hour or day.

    The counted time starts at `since`, which moves in steps of 5 minutes for an hour, and of two
    hours for a day. A failure is counted when the attempt ends, a success of a healthy endpoint
    about a minute later. `outcomes` lists only outcomes that occurred.

    A latency is the duration of a whole attempt, also of a failed one. It differs from the exact
    one by at most `latency_error_percent`. Values are null if there was no attempt. `held` is the
    number of deliveries that are held now.
    """

    endpoint_id: Name
    window_seconds: int
    since: Timestamp
    attempts: int
    delivered: int
    failed: int
    outcomes: dict[Outcome, int]
    success_rate: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_error_percent: int
    last_delivery_at: Timestamp | None
    held: int

    @classmethod
    def of(cls, endpoint: EndpointState, window: Window, now: datetime) -> Self:
        """Return an endpoint's statistics as the API answers them."""
        health = endpoint.health
        total = health.counts.total(now, timedelta(seconds=window))
        delivered = {Outcome.DELIVERED: total.delivered} if total.delivered else {}
        return cls(
            endpoint_id=endpoint.endpoint_id,
            window_seconds=window,
            since=total.start,
            attempts=total.delivered + total.failed,
            delivered=total.delivered,
            failed=total.failed,
            outcomes={**delivered, **total.faults},
            success_rate=success_rate(total.delivered, total.failed),
            latency_p50_ms=quantile(total.latencies, 0.5),
            latency_p95_ms=quantile(total.latencies, 0.95),
            latency_error_percent=ERROR_PERCENT,
            last_delivery_at=health.last_delivery_at,
            held=health.queue.held,
        )


class TenantStatsRead(BaseModel):
    """The number of a tenant's deliveries in each state at the time `counted_at`."""

    deliveries: dict[DeliveryState, int]
    counted_at: Timestamp


@router.get("/endpoints/{endpoint_id}/stats", responses=responses(HTTPStatus.NOT_FOUND))
async def get_endpoint_stats(
    tenant_id: Name,
    endpoint_id: Name,
    services: ServicesDependency,
    window_seconds: Annotated[
        Window, Query(description="3600 for the last hour, 86400 for the last day.")
    ] = Window.HOUR,
) -> EndpointStatsRead:
    """Count an endpoint's attempts in the last hour or day.

    This works also while no worker is running and Temporal's visibility is not available.
    """
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    return EndpointStatsRead.of(endpoint, window_seconds, datetime.now(UTC))


@router.get("/stats", responses=responses(HTTPStatus.NOT_FOUND))
async def get_tenant_stats(tenant_id: Name, services: ServicesDependency) -> TenantStatsRead:
    """Count a tenant's deliveries by state, over the whole retention period.

    The counts are cached for 5 seconds. A delivery that is resent after it has ended counts again.
    """
    await services.tenants.known(tenant_id)
    totals = await services.statistics.totals(tenant_id)
    return TenantStatsRead(deliveries=totals.deliveries, counted_at=totals.counted_at)
