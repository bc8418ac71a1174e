"""Routes that tell what happened to endpoints: created, warned, disabled, paused, recovered."""

from http import HTTPStatus
from typing import Self

from fastapi import APIRouter

from api.access import ServicesDependency
from api.http import Cursor, Limit, Page, responses
from api.routes.strict_route import StrictRoute
from api.services.overview import NumberedChange
from hookwright.health import StatusChange
from hookwright.ids import Name

router = APIRouter(prefix="/v1/tenants/{tenant_id}", tags=["endpoints"], route_class=StrictRoute)


class StatusChangeRead(StatusChange):
    """What happened to an endpoint: when, why, and by whom.

    An endpoint keeps its last 50 changes. `percent` is set for `warned`, `reason` for `disabled`
    and for what ends that.
    """

    endpoint_id: Name
    number: int

    @classmethod
    def of(cls, numbered: NumberedChange) -> Self:
        """Return a change as the API answers it."""
        return cls(
            **numbered.change.model_dump(),
            endpoint_id=numbered.endpoint_id,
            number=numbered.number,
        )


@router.get("/endpoints/{endpoint_id}/status-changes", responses=responses(HTTPStatus.NOT_FOUND))
async def list_status_changes_of_endpoint(
    tenant_id: Name, endpoint_id: Name, services: ServicesDependency
) -> Page[StatusChangeRead]:
    """List what happened to an endpoint, newest first: its last 50 changes, in one page."""
    changes = await services.status_changes.of_endpoint(tenant_id, endpoint_id)
    return Page(data=list(map(StatusChangeRead.of, changes)), next_cursor=None)


@router.get("/status-changes", responses=responses(HTTPStatus.NOT_FOUND))
async def list_status_changes(
    tenant_id: Name, services: ServicesDependency, limit: Limit = 50, cursor: Cursor = None
) -> Page[StatusChangeRead]:
    """List what happened to all endpoints of a tenant, newest first.

    A change is listed within a second. Of a tenant with more than 1,000 endpoints only the newest
    are looked at. Changes of deleted endpoints are gone.
    """
    page = await services.status_changes.page(tenant_id, limit, cursor)
    return Page(data=list(map(StatusChangeRead.of, page.data)), next_cursor=page.next_cursor)
