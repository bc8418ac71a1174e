"""Lists over all tenants, which only operators may read."""

from dataclasses import asdict

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api.access import ServicesDependency, require_operator
from api.http import Cursor, Limit, Page, responses
from api.routes.deliveries import DeliveryRead
from api.routes.endpoint_bodies import EndpointRead
from api.routes.strict_route import StrictRoute
from api.services.deliveries import DeliveryFilter
from hookwright.ids import EventType
from hookwright.outcomes import Colour, DeliveryState, EndpointStatus
from hookwright.times import Timestamp, WrittenMoment

router = APIRouter(
    prefix="/v1",
    tags=["operators"],
    route_class=StrictRoute,
    dependencies=[Depends(require_operator)],
)


class UnreadableEventRead(BaseModel):
    """An event that a service has started in Temporal with an encryption key that we do not have.

    It was not delivered to anybody. Its id stays taken until retention is over.
    """

    workflow_id: str
    tenant_id: str
    event_id: str
    key_id: str
    created_at: Timestamp
    readable_now: bool


@router.get("/endpoints", responses=responses())
async def list_all_endpoints(
    services: ServicesDependency,
    status: EndpointStatus | None = None,
    health: Colour | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EndpointRead]:
    """List the endpoints of all tenants, newest first. Endpoints that are very busy count as new.

    An endpoint is listed as it was at most about a second ago. A page may have fewer than `limit`
    rows; the last page has no `next_cursor`.
    """
    page = await services.all_endpoints.page(limit, cursor, status=status, health=health)
    return Page(data=list(map(EndpointRead.of, page.data)), next_cursor=page.next_cursor)


@router.get("/deliveries", responses=responses())
async def list_all_deliveries(  # noqa: PLR0913 - one parameter for each filter
    services: ServicesDependency,
    event_type: EventType | None = None,
    state: DeliveryState | None = None,
    since: WrittenMoment | None = None,
    until: WrittenMoment | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeliveryRead]:
    """List the deliveries of all tenants, newest first, as the list of one tenant does."""
    wanted = DeliveryFilter(event_type=event_type, state=state, since=since, until=until)
    page = await services.deliveries.page(None, wanted, limit, cursor)
    return Page(data=list(map(DeliveryRead.of, page.data)), next_cursor=page.next_cursor)


@router.get("/unreadable-events", responses=responses())
async def list_unreadable_events(
    services: ServicesDependency, limit: Limit = 50, cursor: Cursor = None
) -> Page[UnreadableEventRead]:
    """List the events of all tenants that no worker could decrypt, newest first.

    They are listed as long as Temporal keeps them. docs/security.md says how to deliver one once
    its key is there.
    """
    page = await services.unreadable_events.page(limit, cursor)
    rows = [UnreadableEventRead(**asdict(row)) for row in page.data]
    return Page(data=rows, next_cursor=page.next_cursor)
