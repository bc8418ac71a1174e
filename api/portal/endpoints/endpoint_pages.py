"""Pages of a tenant's endpoints, which the portal calls webhooks as published contracts do."""

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import FormData

from api.access import ServicesDependency, app_state
from api.portal.endpoints.verify_recipe import verify_recipe
from api.portal.endpoints.verify_snippets import verify_snippets
from api.portal.forms import FormDependency, text
from api.portal.health.health_view import HealthView
from api.portal.portal_route import PortalRoute
from api.portal.rendering import page
from api.portal.session import RequireSessionScope, SessionTenantId, TenantSession
from api.portal.sign_in import redirect
from api.routes.endpoint_bodies import EndpointRead
from api.tokens import Scope
from hookwright.audit import AuditEntry
from hookwright.contracts import DEFAULT_CONTRACT
from hookwright.ids import Name

PAGE_SIZE = 50
LATEST_CHANGES = 10

router = APIRouter(
    prefix="/portal/endpoints",
    include_in_schema=False,
    route_class=PortalRoute,
    dependencies=[Depends(RequireSessionScope(Scope.ENDPOINTS_READ))],
)
CHANGES = [Depends(RequireSessionScope(Scope.ENDPOINTS_WRITE))]


@router.get("")
async def list_endpoints(
    request: Request,
    session: TenantSession,
    services: ServicesDependency,
    cursor: str | None = None,
) -> Response:
    """Show all endpoints, and whether each is well; to an operator the tenant's changes, too."""
    tenant_id = session.tenant_id
    found = await services.endpoints.page(tenant_id, PAGE_SIZE, cursor)
    audit: list[AuditEntry] = []
    if session.is_operator and cursor is None:
        trail = await services.audit.of_tenant(tenant_id, LATEST_CHANGES, None)
        audit = [listed.entry for listed in trail.page.data]
    endpoints = [EndpointRead.of(endpoint) for endpoint in found.data]
    return page(
        request,
        "endpoints.html",
        endpoints=endpoints,
        next_cursor=found.next_cursor,
        first=cursor is None,
        audit=audit,
    )


@router.get("/{endpoint_id}")
async def show_endpoint(
    request: Request, endpoint_id: Name, tenant_id: SessionTenantId, services: ServicesDependency
) -> Response:
    """Show one endpoint: its settings, and how it is."""
    health_view = await HealthView.read(
        services, await services.endpoints.get(tenant_id, endpoint_id)
    )
    endpoint = health_view.endpoint
    contract = app_state(request).config.contracts.get(endpoint.contract or DEFAULT_CONTRACT)
    audit = await services.audit.of_endpoint(tenant_id, endpoint_id, LATEST_CHANGES, None)
    recipe = contract and verify_recipe(contract, ed25519=endpoint.public_key is not None)
    return page(
        request,
        "endpoint.html",
        endpoint=endpoint,
        health_view=health_view,
        contract=contract,
        audit=[listed.entry for listed in audit.page.data],
        recipe=recipe,
        snippets=verify_snippets(recipe) if recipe else [],
    )


@router.post("/{endpoint_id}/pause", dependencies=CHANGES)
async def pause_endpoint(
    endpoint_id: Name,
    session: TenantSession,
    services: ServicesDependency,
    form: FormDependency,
) -> Response:
    """Make an endpoint inactive."""
    await services.endpoints.pause(session.tenant_id, endpoint_id)
    return redirect(back(form, endpoint_id))


@router.post("/{endpoint_id}/resume", dependencies=CHANGES)
async def resume_endpoint(
    endpoint_id: Name,
    session: TenantSession,
    services: ServicesDependency,
    form: FormDependency,
) -> Response:
    """Make an endpoint active. What was held is sent, oldest first."""
    await services.endpoints.resume(session.tenant_id, endpoint_id)
    return redirect(back(form, endpoint_id))


@router.get("/{endpoint_id}/delete", dependencies=CHANGES)
async def ask_to_delete(
    request: Request, endpoint_id: Name, tenant_id: SessionTenantId, services: ServicesDependency
) -> Response:
    """Ask whether to delete an endpoint: nothing brings it back."""
    endpoint = EndpointRead.of(await services.endpoints.get(tenant_id, endpoint_id))
    return page(request, "endpoint_delete.html", endpoint=endpoint)


@router.post("/{endpoint_id}/delete", dependencies=CHANGES)
async def delete_endpoint(
    endpoint_id: Name,
    tenant_id: SessionTenantId,
    services: ServicesDependency,
    form: FormDependency,  # noqa: ARG001 - checked
) -> Response:
    """Delete an endpoint."""
    await services.endpoints.delete(tenant_id, endpoint_id)
    return redirect("/portal/endpoints")


def back(form: FormData, endpoint_id: str) -> str:
    """Return the page from which a form was sent: the list, or the endpoint's own page."""
    if text(form, "back") == "list":
        return "/portal/endpoints"
    return f"/portal/endpoints/{endpoint_id}"
