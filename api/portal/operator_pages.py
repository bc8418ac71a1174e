"""Pages for operators: what needs a look among all tenants, and the tenants themselves."""

import asyncio
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from api.access import AppState, ServicesDependency, app_state
from api.portal.portal_route import PortalRoute
from api.portal.rendering import page
from api.portal.session import signed_in_operator
from api.routes.endpoint_bodies import EndpointRead
from hookwright.ids import EVENT_PREFIX
from hookwright.outcomes import Colour, DeliveryState, EndpointStatus
from hookwright.temporal import (
    DELIVERY_STATE,
    WorkflowType,
    attribute_is,
    executions_of,
    workflow_id_starts_with,
)

ROWS, TENANTS = 20, 50

router = APIRouter(
    prefix="/portal/operator",
    include_in_schema=False,
    route_class=PortalRoute,
    dependencies=[Depends(signed_in_operator)],
)


@router.get("")
async def show_overview(request: Request, services: ServicesDependency) -> Response:
    """Show totals, the endpoints that fail, those that hold deliveries, and recoveries."""
    red, yellow, disabled, paused, recoveries, totals = await asyncio.gather(
        services.all_endpoints.page(ROWS, None, health=Colour.RED),
        services.all_endpoints.page(ROWS, None, health=Colour.YELLOW),
        services.all_endpoints.page(ROWS, None, status=EndpointStatus.DISABLED),
        services.all_endpoints.page(ROWS, None, status=EndpointStatus.PAUSED),
        services.recoveries.page_of_running(ROWS, None),
        services.statistics.totals(None),
    )
    failing = [EndpointRead.of(endpoint) for each in (red, yellow) for endpoint in each.data]
    stopped = [EndpointRead.of(endpoint) for each in (disabled, paused) for endpoint in each.data]
    shown = {(endpoint.tenant_id, endpoint.id) for endpoint in failing}
    return page(
        request,
        "operator.html",
        failing=failing,
        stopped=[each for each in stopped if (each.tenant_id, each.id) not in shown],
        cut=any(each.next_cursor for each in (red, yellow, disabled, paused, recoveries)),
        recoveries=recoveries.data,
        totals=totals,
        temporal=temporal_links(app_state(request)),
    )


@router.get("/tenants")
async def list_tenants(
    request: Request, services: ServicesDependency, cursor: str | None = None
) -> Response:
    """Show all tenants, the newest first."""
    tenants = await services.tenants.page(TENANTS, cursor)
    return page(
        request, "operator_tenants.html", tenants=tenants.data, next_cursor=tenants.next_cursor
    )


def temporal_links(state: AppState) -> dict[str, str]:
    """Return links to lists of the Temporal Web UI, by what they show."""
    held = attribute_is(DELIVERY_STATE, DeliveryState.HELD)
    queries = {
        "Deliveries that wait": executions_of(WorkflowType.DELIVERY, "ExecutionStatus = 'Running'"),
        "Held deliveries": executions_of(
            WorkflowType.DELIVERY, "ExecutionStatus = 'Running'", held
        ),
        "Deliveries given up": executions_of(WorkflowType.DELIVERY, "ExecutionStatus = 'Failed'"),
        "Events": workflow_id_starts_with([EVENT_PREFIX]),
        "Endpoints": executions_of(WorkflowType.ENDPOINT, "ExecutionStatus = 'Running'"),
        "Recoveries": executions_of(WorkflowType.RECOVERY),
    }
    root = f"{state.config.ui_origin}/namespaces/{state.client.namespace}/workflows"
    return {name: f"{root}?{urlencode({'query': query})}" for name, query in queries.items()}
