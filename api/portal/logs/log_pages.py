"""Pages of the delivery log, and of one delivery with its attempts."""

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response

from api.access import ServicesDependency
from api.http import Page, Problem
from api.portal.forms import FormDependency
from api.portal.logs.log_filters import LogFilters
from api.portal.portal_route import PortalRoute
from api.portal.rendering import page
from api.portal.session import (
    PortalSession,
    RequireSessionScope,
    TenantSession,
)
from api.portal.sign_in import redirect
from api.portal.words import ANSWERS, STATES
from api.routes.deliveries import DeliveryRead
from api.routes.parameters import DeliveryIdDependency, DeliveryKey
from api.services import Services
from api.services.deliveries import DeliveryView
from api.tokens import Scope
from hookwright.outcomes import DeliveryState

PAGE_SIZE = 20
MAX_CHOICES = 20
"""Webhooks that can be chosen from a list. Each costs a call, also at every refresh."""

OPEN_STATES = (DeliveryState.PENDING, DeliveryState.HELD)

router = APIRouter(
    prefix="/portal/deliveries",
    include_in_schema=False,
    route_class=PortalRoute,
    dependencies=[Depends(RequireSessionScope(Scope.DELIVERIES_READ))],
)
CHANGES = [Depends(RequireSessionScope(Scope.DELIVERIES_WRITE))]


@router.get("")
async def list_deliveries(
    request: Request,
    session: TenantSession,
    services: ServicesDependency,
    cursor: str | None = None,
) -> Response:
    """Show the delivery log, newest first."""
    filters = LogFilters.read(request.query_params)
    choices, found = await asyncio.gather(
        _choices(session, services), _found(session, services, filters, cursor)
    )
    return page(
        request,
        "deliveries.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if filters.faults else HTTPStatus.OK,
        deliveries=list(map(DeliveryRead.of, found.data)),
        filters=filters,
        faults=filters.faults,
        choices=choices,
        urls=choices or {},
        states=[(state.value, state.value.capitalize()) for state in DeliveryState],
        answers=[(answer.value, text) for answer, text in ANSWERS.items()],
        next_path=filters.path(found.next_cursor) if found.next_cursor else None,
        first=cursor is None,
    )


@router.get("/{delivery_id}")
async def show_delivery(
    request: Request,
    delivery_id: DeliveryIdDependency,
    session: TenantSession,
    services: ServicesDependency,
) -> Response:
    """Show one delivery: the event, and each attempt with what was sent and answered."""
    return await _delivery_page(request, delivery_id, session, services)


@router.post("/{delivery_id}/retry", dependencies=CHANGES)
async def retry_delivery(
    request: Request,
    delivery_id: DeliveryIdDependency,
    session: TenantSession,
    services: ServicesDependency,
    form: FormDependency,  # noqa: ARG001 - checked
) -> Response:
    """Attempt a delivery now. One that has ended is sent again."""
    key = delivery_id
    try:
        await services.retries.retry(session.tenant_id, key.endpoint_id, key.event_id)
    except Problem as problem:
        return await _refused(request, key, session, services, problem)
    return redirect(f"/portal/deliveries/{key.endpoint_id}:{key.event_id}")


@router.post("/{delivery_id}/cancel", dependencies=CHANGES)
async def cancel_delivery(
    request: Request,
    delivery_id: DeliveryIdDependency,
    session: TenantSession,
    services: ServicesDependency,
    form: FormDependency,  # noqa: ARG001 - checked
) -> Response:
    """Cancel a delivery that has not ended."""
    key = delivery_id
    try:
        await services.retries.cancel(session.tenant_id, key.endpoint_id, key.event_id)
    except Problem as problem:
        return await _refused(request, key, session, services, problem)
    return redirect(f"/portal/deliveries/{key.endpoint_id}:{key.event_id}")


async def _found(
    session: PortalSession, services: Services, filters: LogFilters, cursor: str | None
) -> Page[DeliveryView]:
    """Return a page of the log. While a filter has a fault, the page is empty."""
    if filters.faults:
        return Page(data=[], next_cursor=None)
    return await services.deliveries.page(session.tenant_id, filters.wanted, PAGE_SIZE, cursor)


async def _refused(
    request: Request,
    key: DeliveryKey,
    session: PortalSession,
    services: Services,
    problem: Problem,
) -> Response:
    """Return the delivery's page with what was wrong, or raise the problem if there is no page."""
    if problem.status_code == HTTPStatus.NOT_FOUND:
        raise problem
    return await _delivery_page(request, key, session, services, problem)


async def _delivery_page(
    request: Request,
    key: DeliveryKey,
    session: PortalSession,
    services: Services,
    problem: Problem | None = None,
) -> Response:
    tenant_id = session.tenant_id
    found = await services.deliveries.get(tenant_id, key.endpoint_id, key.event_id)
    delivery = DeliveryRead.of(found)
    event, missing = None, None
    try:
        event = (await services.events.fan_out(tenant_id, key.event_id)).event
    except Problem as lost:
        missing = _why_missing(lost)
    status = HTTPStatus(problem.status_code) if problem else HTTPStatus.OK
    return page(
        request,
        "delivery.html",
        status,
        delivery=delivery,
        event=event,
        missing=missing,
        url=await _url(session, services, delivery),
        open=delivery.state in OPEN_STATES,
        meaning=STATES[delivery.state],
        problem=problem,
    )


def _why_missing(problem: Problem) -> str:
    if problem.status_code == HTTPStatus.NOT_FOUND:
        return (
            "The content of this event is no longer kept. It was erased, or it is older than the"
            " retention period."
        )
    return problem.detail


async def _url(session: PortalSession, services: Services, delivery: DeliveryRead) -> str | None:
    """Return the URL of a delivery's webhook, or None if it was deleted or may not be shown."""
    if not session.can(Scope.ENDPOINTS_READ):
        return None
    try:
        endpoint = await services.endpoints.get(session.tenant_id, delivery.endpoint_id)
    except Problem as problem:
        if problem.status_code != HTTPStatus.NOT_FOUND:
            raise
        return None
    return endpoint.active_config.url


async def _choices(session: PortalSession, services: Services) -> dict[str, str] | None:
    """Return the URLs of all webhooks by id, or None if there are too many to choose from a list.

    Also None: the session may not see webhooks.
    """
    if not session.can(Scope.ENDPOINTS_READ):
        return None
    if len(await services.tenants.routes(session.tenant_id)) > MAX_CHOICES:
        return None
    found = await services.endpoints.page(session.tenant_id, MAX_CHOICES, None)
    return {endpoint.endpoint_id: endpoint.active_config.url for endpoint in found.data}
