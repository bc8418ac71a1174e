"""Routes of tenants."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Response

from api.auth import require_operator
from api.errors import BODY_ERRORS, responses
from api.pages import Cursor, Limit, Page
from api.requests import StrictRoute
from api.services import ServicesDependency
from hookwright.ids import Name
from hookwright.models import TenantSettings, TenantView

router = APIRouter(prefix="/v1/tenants", tags=["tenants"], route_class=StrictRoute)
OPERATORS_ONLY = [Depends(require_operator)]


@router.put(
    "/{tenant_id}",
    dependencies=OPERATORS_ONLY,
    responses={
        **responses(*BODY_ERRORS, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
        201: {"model": TenantView},
    },
)
async def put_tenant(
    tenant_id: Name, settings: TenantSettings, services: ServicesDependency, response: Response
) -> TenantView:
    """Create a tenant, or change its settings. What is left out returns to its default."""
    put = await services.tenants.put(tenant_id, settings)
    response.status_code = HTTPStatus.CREATED if put.created else HTTPStatus.OK
    return put.tenant


@router.get("", dependencies=OPERATORS_ONLY, responses=responses(HTTPStatus.FORBIDDEN))
async def list_tenants(
    services: ServicesDependency, limit: Limit = 50, cursor: Cursor = None
) -> Page[TenantView]:
    """List tenants, newest first. A tenant shows up here within a second of its creation."""
    return await services.tenants.page(limit, cursor)


@router.get("/{tenant_id}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_tenant(tenant_id: Name, services: ServicesDependency) -> TenantView:
    """Read a tenant."""
    return await services.tenants.get(tenant_id)


@router.delete(
    "/{tenant_id}",
    dependencies=OPERATORS_ONLY,
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_tenant(
    tenant_id: Name, services: ServicesDependency, *, erase: bool = False
) -> None:
    """Delete a tenant with all its endpoints; what waits for them is cancelled.

    With `erase`, its events, deliveries and endpoints are then removed from Temporal, too. Until
    that is done a PUT of the tenant answers 409. Its own name, metadata and subscriptions remain
    until retention ends.
    """
    await services.tenants.delete(tenant_id, erase=erase)
