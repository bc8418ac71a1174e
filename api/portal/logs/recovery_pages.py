"""Pages of recoveries: begin one for an endpoint, follow it, pause, resume and cancel it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from api.access import ServicesDependency
from api.http import Problem, invalid_model
from api.portal.forms import FormDependency, text
from api.portal.health.health_view import pace_of
from api.portal.logs.log_filters import utc_moment
from api.portal.portal_route import PortalRoute
from api.portal.rendering import page
from api.portal.session import PortalSession, RequireSessionScope, TenantSession
from api.portal.sign_in import redirect
from api.routes.endpoint_bodies import EndpointRead
from api.routes.parameters import RecoveryIdDependency, RecoveryKey
from api.routes.recoveries import RecoveryRead, RecoveryRequest, recover_endpoint
from api.services import Services
from api.services.recoveries import RecoveryState
from api.tokens import Scope
from hookwright.ids import Name
from hookwright.models import MAX_PER_SECOND
from hookwright.temporal import Update

LIST_SIZE = 10
FIELDS = ("status", "since", "until", "rate_per_second")
ACTIONS = {"pause": Update.PAUSE, "resume": Update.RESUME}

router = APIRouter(
    prefix="/portal",
    include_in_schema=False,
    route_class=PortalRoute,
    dependencies=[Depends(RequireSessionScope(Scope.DELIVERIES_READ))],
)
CHANGES = [Depends(RequireSessionScope(Scope.DELIVERIES_WRITE))]


@router.get("/endpoints/{endpoint_id}/recover")
async def show_recoveries(
    request: Request, endpoint_id: Name, session: TenantSession, services: ServicesDependency
) -> Response:
    """Show an endpoint's recoveries, and the form that begins one."""
    return await _endpoint_page(request, endpoint_id, session, services)


@router.post("/endpoints/{endpoint_id}/recover", dependencies=CHANGES)
async def begin_recovery(
    request: Request,
    endpoint_id: Name,
    session: TenantSession,
    services: ServicesDependency,
    form: FormDependency,
) -> Response:
    """Begin a recovery, or show the form again with its faults."""
    typed = {name: text(form, name) for name in FIELDS}
    try:
        body = _request(typed)
        recovery = await recover_endpoint(session.tenant_id, endpoint_id, body, services)
    except Problem as problem:
        if problem.status_code == HTTPStatus.NOT_FOUND:
            raise
        return await _endpoint_page(request, endpoint_id, session, services, typed, problem)
    return redirect(f"/portal/recoveries/{recovery.id}")


@router.get("/recoveries/{recovery_id}")
async def show_recovery(
    request: Request,
    recovery_id: RecoveryIdDependency,
    session: TenantSession,
    services: ServicesDependency,
) -> Response:
    """Show how far a recovery has come."""
    return await _recovery_page(request, recovery_id, session, services)


@router.post("/recoveries/{recovery_id}/{action}", dependencies=CHANGES)
async def change_recovery(  # noqa: PLR0913 - what FastAPI hands over
    request: Request,
    recovery_id: RecoveryIdDependency,
    action: Literal["pause", "resume", "cancel"],
    session: TenantSession,
    services: ServicesDependency,
    form: FormDependency,  # noqa: ARG001 - checked
) -> Response:
    """Pause, resume or cancel a recovery."""
    key = session.tenant_id, recovery_id.endpoint_id, recovery_id.run_id
    try:
        if action == "cancel":
            await services.recoveries.cancel(*key)
        else:
            await services.recoveries.switch(*key, ACTIONS[action])
    except Problem as problem:
        if problem.status_code == HTTPStatus.NOT_FOUND:
            raise
        return await _recovery_page(request, recovery_id, session, services, problem)
    return redirect(f"/portal/recoveries/{recovery_id.endpoint_id}:{recovery_id.run_id}")


def _request(typed: Mapping[str, str]) -> RecoveryRequest:
    """Return what a form asks for.

    Raises:
        Problem: 422, with the faults of its fields.
    """
    fields: dict[str, Any] = {name: value for name, value in typed.items() if value}
    for name in ("since", "until"):
        try:
            fields[name] = utc_moment(fields[name])
        except (KeyError, ValueError):
            continue  # the check of the model says what is wrong
    try:
        return RecoveryRequest.model_validate(fields)
    except ValidationError as error:
        raise invalid_model(error, "body") from None


async def _endpoint_page(  # noqa: PLR0913 - a form that was refused adds two
    request: Request,
    endpoint_id: str,
    session: PortalSession,
    services: Services,
    typed: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Response:
    state = await services.endpoints.get(session.tenant_id, endpoint_id)
    endpoint = EndpointRead.of(state)
    found = await services.recoveries.page(session.tenant_id, endpoint_id, LIST_SIZE, None)
    since = endpoint.failing_since or datetime.now(UTC) - timedelta(days=1)
    first = {"status": "failed", "since": f"{since:%Y-%m-%dT%H:%M}"}
    errors = problem.errors if problem else []
    return page(
        request,
        "recover.html",
        HTTPStatus(problem.status_code) if problem else HTTPStatus.OK,
        endpoint=endpoint,
        pace=pace_of(state),
        recoveries=list(map(RecoveryRead.of, found.data)),
        typed={**dict.fromkeys(FIELDS, ""), **(typed or first)},
        problem=problem,
        faults={str(fault.loc[-1]): fault.msg for fault in errors},
        max_rate=MAX_PER_SECOND,
    )


async def _recovery_page(
    request: Request,
    key: RecoveryKey,
    session: PortalSession,
    services: Services,
    problem: Problem | None = None,
) -> Response:
    found = await services.recoveries.get(session.tenant_id, key.endpoint_id, key.run_id)
    recovery = RecoveryRead.of(found)
    return page(
        request,
        "recovery.html",
        HTTPStatus(problem.status_code) if problem else HTTPStatus.OK,
        recovery=recovery,
        has_ended=recovery.state in (RecoveryState.COMPLETED, RecoveryState.CANCELLED),
        problem=problem,
    )
