"""Routes that list, read, retry and cancel deliveries."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel

from api.access import ServicesDependency
from api.http import Cursor, Limit, Page, responses
from api.routes.parameters import DeliveryIdDependency
from api.routes.strict_route import StrictRoute
from api.services.deliveries import DeliveryFilter, DeliveryView
from hookwright.ids import EventType, Name
from hookwright.models import Attempt
from hookwright.outcomes import DeliveryState, StatusClass
from hookwright.times import Timestamp, WrittenMoment

router = APIRouter(
    prefix="/v1/tenants/{tenant_id}/deliveries", tags=["deliveries"], route_class=StrictRoute
)


class DeliveryRead(BaseModel):
    """A delivery with all its attempts so far. `next_attempt_at` is set while a retry is due."""

    id: str
    tenant_id: Name
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
        """Return a delivery as the API answers it."""
        return cls.model_validate(asdict(delivery))


@router.get("", responses=responses(HTTPStatus.NOT_FOUND))
async def list_deliveries(  # noqa: PLR0913 - one parameter for each filter
    tenant_id: Name,
    services: ServicesDependency,
    endpoint_id: Name | None = None,
    event_id: Name | None = None,
    event_type: EventType | None = None,
    state: DeliveryState | None = None,
    last_status: StatusClass | None = None,
    since: WrittenMoment | None = None,
    until: WrittenMoment | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeliveryRead]:
    """List a tenant's deliveries, newest first.

    A delivery is listed within a second of its start. Deliveries that existed when the first page
    was read are listed exactly once, whatever starts or ends in the meantime. A page may have fewer
    than `limit` rows; the last page has no `next_cursor`.

    `last_status` compares each delivery's last attempt, so a page reads up to 400 deliveries and
    may show few of them, or none, and still have a `next_cursor`.
    """
    await services.tenants.known(tenant_id)
    page = await services.deliveries.page(
        tenant_id,
        DeliveryFilter(endpoint_id, event_id, event_type, state, since, until, last_status),
        limit,
        cursor,
    )
    return Page(data=list(map(DeliveryRead.of, page.data)), next_cursor=page.next_cursor)


@router.get("/{delivery_id}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_delivery(
    tenant_id: Name, delivery_id: DeliveryIdDependency, services: ServicesDependency
) -> DeliveryRead:
    """Read a delivery with all its attempts, whether it is pending or has ended."""
    return DeliveryRead.of(
        await services.deliveries.get(tenant_id, delivery_id.endpoint_id, delivery_id.event_id)
    )


@router.post(
    "/{delivery_id}/retry",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def retry_delivery(
    tenant_id: Name, delivery_id: DeliveryIdDependency, services: ServicesDependency
) -> DeliveryRead:
    """Attempt a delivery now, whatever the status of its endpoint.

    A pending or held delivery keeps its place in the schedule or in the queue. A delivery that has
    ended is resent with the same webhook id, and retried on the schedule. Several requests at the
    same time count as one.
    """
    await services.retries.retry(tenant_id, delivery_id.endpoint_id, delivery_id.event_id)
    return DeliveryRead.of(
        await services.deliveries.get(tenant_id, delivery_id.endpoint_id, delivery_id.event_id)
    )


@router.post(
    "/{delivery_id}/cancel",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def cancel_delivery(
    tenant_id: Name, delivery_id: DeliveryIdDependency, services: ServicesDependency
) -> DeliveryRead:
    """Cancel a pending or held delivery. An attempt that is in progress may still arrive."""
    await services.retries.cancel(tenant_id, delivery_id.endpoint_id, delivery_id.event_id)
    return DeliveryRead.of(
        await services.deliveries.get(tenant_id, delivery_id.endpoint_id, delivery_id.event_id)
    )
