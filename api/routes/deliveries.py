"""Routes of the delivery log."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel

from api.access import ServicesDependency
from api.http import Cursor, Limit, Page, responses
from api.routes.strict_route import StrictRoute
from api.services.deliveries import DeliveryFilter, DeliveryView
from hookwright.ids import EventType, Name
from hookwright.models import Attempt
from hookwright.outcomes import DeliveryState
from hookwright.times import Timestamp, WrittenMoment

router = APIRouter(
    prefix="/v1/tenants/{tenant_id}/deliveries", tags=["deliveries"], route_class=StrictRoute
)

DeliveryId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,64}$")]


class DeliveryRead(BaseModel):
    """A delivery with every attempt so far; `next_attempt_at` while a retry waits."""

    id: str
    event_id: Name
    endpoint_id: Name
    event_type: EventType
    state: DeliveryState
    attempts: list[Attempt]
    next_attempt_at: Timestamp | None
    created_at: Timestamp
    ended_at: Timestamp | None

    @classmethod
    def of(cls, delivery: DeliveryView) -> Self:
        """Return the answer for a delivery."""
        return cls.model_validate(asdict(delivery))


@router.get("", responses=responses(HTTPStatus.NOT_FOUND))
async def list_deliveries(  # noqa: PLR0913 - one parameter a filter
    tenant_id: Name,
    services: ServicesDependency,
    endpoint_id: Name | None = None,
    event_id: Name | None = None,
    event_type: EventType | None = None,
    state: DeliveryState | None = None,
    since: WrittenMoment | None = None,
    until: WrittenMoment | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeliveryRead]:
    """List a tenant's deliveries, those that began last first.

    One shows up within a second of its start. Cursors lead through all that there were at the first
    page, each once, whatever begins or ends meanwhile. A page may be shorter than `limit`; the last
    is the one without `next_cursor`.
    """
    await services.tenants.known(tenant_id)
    page = await services.deliveries.page(
        tenant_id,
        DeliveryFilter(endpoint_id, event_id, event_type, state, since, until),
        limit,
        cursor,
    )
    return Page(data=list(map(DeliveryRead.of, page.data)), next_cursor=page.next_cursor)


@router.get("/{delivery_id}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_delivery(
    tenant_id: Name, delivery_id: DeliveryId, services: ServicesDependency
) -> DeliveryRead:
    """Read a delivery with every attempt, while it is pending and after."""
    endpoint_id, event_id = delivery_id.split(":")
    return DeliveryRead.of(await services.deliveries.get(tenant_id, endpoint_id, event_id))


@router.post(
    "/{delivery_id}/retry",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def retry_delivery(
    tenant_id: Name, delivery_id: DeliveryId, services: ServicesDependency
) -> DeliveryRead:
    """Attempt a delivery now, whatever its endpoint's status.

    Pending or held, it keeps its place in the schedule or the queue. Ended, it is sent anew with
    the same webhook id, and retried on the schedule. Several requests at once are one.
    """
    endpoint_id, event_id = delivery_id.split(":")
    await services.retries.retry(tenant_id, endpoint_id, event_id)
    return DeliveryRead.of(await services.deliveries.get(tenant_id, endpoint_id, event_id))


@router.post(
    "/{delivery_id}/cancel",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def cancel_delivery(
    tenant_id: Name, delivery_id: DeliveryId, services: ServicesDependency
) -> DeliveryRead:
    """Cancel a pending or held delivery. An attempt that is under way may still arrive."""
    endpoint_id, event_id = delivery_id.split(":")
    await services.retries.cancel(tenant_id, endpoint_id, event_id)
    return DeliveryRead.of(await services.deliveries.get(tenant_id, endpoint_id, event_id))
