"""The page of an endpoint's health."""

from fastapi import APIRouter, Depends, Request, Response

from api.access import ServicesDependency
from api.portal.health.health_view import HealthView
from api.portal.portal_route import PortalRoute
from api.portal.rendering import page
from api.portal.session import RequireSessionScope, TenantSession
from api.tokens import Scope
from hookwright.ids import Name

router = APIRouter(
    prefix="/portal/endpoints",
    include_in_schema=False,
    route_class=PortalRoute,
    dependencies=[Depends(RequireSessionScope(Scope.ENDPOINTS_READ))],
)


@router.get("/{endpoint_id}/health")
async def show_health(
    request: Request, endpoint_id: Name, session: TenantSession, services: ServicesDependency
) -> Response:
    """Show what became of an endpoint's deliveries, and what happened to it."""
    endpoint = await services.endpoints.get(session.tenant_id, endpoint_id)
    view = await HealthView.read(services, endpoint)
    return page(
        request,
        "health.html",
        endpoint=view.endpoint,
        health_view=view,
    )
