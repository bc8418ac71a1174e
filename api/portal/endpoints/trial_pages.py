"""The page that sends a test event, and shows what came of it."""

import json
from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response
from pydantic import JsonValue, ValidationError

from api.access import ServicesDependency, app_state
from api.http import Problem, invalid, invalid_model
from api.portal.endpoints.event_choices import (
    TEST_TYPE,
    EventChoice,
    event_choices,
    example_extra,
    example_of,
)
from api.portal.endpoints.form_pages import faults_by_field, is_refusal
from api.portal.forms import FormDependency, text
from api.portal.portal_route import PortalRoute
from api.portal.rendering import page
from api.portal.session import RequireSessionScope, SessionTenantId
from api.routes.endpoint_bodies import EndpointRead, EndpointTestRequest
from api.routes.strict_route import NestedTooDeeplyError, strict_json
from api.services import Services
from api.services.endpoint_checks import chosen_contract
from api.tokens import Scope
from hookwright.contracts import Contract
from hookwright.ids import Name, new_event_id
from hookwright.models import Attempt, EndpointState, EventInput
from hookwright.subscription import wants_type

router = APIRouter(
    prefix="/portal/endpoints",
    include_in_schema=False,
    route_class=PortalRoute,
    dependencies=[Depends(RequireSessionScope(Scope.ENDPOINTS_WRITE))],
)


@router.get("/{endpoint_id}/test")
async def ask_for_test(
    request: Request,
    endpoint_id: Name,
    tenant_id: SessionTenantId,
    services: ServicesDependency,
    type: str = "",  # noqa: A002 - the name in the address
) -> Response:
    """Show the event that can be sent: the example of the chosen type."""
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    contract = _contract(request, endpoint)
    choices = await event_choices(services, contract)
    chosen = type.strip() or _first_type(endpoint, choices)
    extra = example_extra(contract)
    form = {
        "type": chosen,
        "data": _written(example_of(choices, chosen)),
        "extra": _written(extra) if extra else "",
    }
    return await _show(request, services, endpoint, form)


@router.post("/{endpoint_id}/test")
async def send_test(
    request: Request,
    endpoint_id: Name,
    tenant_id: SessionTenantId,
    services: ServicesDependency,
    fields: FormDependency,
) -> Response:
    """Send the event now, and show the request and the reply."""
    form = {name: text(fields, name) for name in ("type", "data", "extra")}
    try:
        event = _event(tenant_id, form)
        attempt = await services.endpoints.send_test(tenant_id, endpoint_id, event)
    except Problem as refusal:
        if not is_refusal(refusal):
            raise
        endpoint = await services.endpoints.get(tenant_id, endpoint_id)
        return await _show(request, services, endpoint, form, refusal=refusal)
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    return await _show(request, services, endpoint, form, attempt=attempt)


def _event(tenant_id: str, form: dict[str, str]) -> EventInput:
    """Return the event of the form.

    Raises:
        Problem: 422, the data is not JSON, or the type is not one.
    """
    fields = {
        "type": form["type"],
        "data": _json("data", form["data"]),
        "extra": _json("extra", form["extra"]) if form["extra"] else {},
    }
    try:
        wanted = EndpointTestRequest.model_validate(fields)
    except ValidationError as error:
        raise invalid_model(error, "body") from None
    return EventInput(tenant_id=tenant_id, id=new_event_id(), **wanted.model_dump())


async def _show(  # noqa: PLR0913 - all that the page shows
    request: Request,
    services: Services,
    endpoint: EndpointState,
    form: dict[str, str],
    *,
    refusal: Problem | None = None,
    attempt: Attempt | None = None,
) -> Response:
    contract = _contract(request, endpoint)
    return page(
        request,
        "endpoint_test.html",
        HTTPStatus(refusal.status_code) if refusal else HTTPStatus.OK,
        endpoint=EndpointRead.of(endpoint),
        contract=contract,
        choices=await event_choices(services, contract),
        test_type=TEST_TYPE,
        form=form,
        faults=faults_by_field(refusal),
        refusal=refusal.detail if refusal else None,
        attempt=attempt,
    )


def _contract(request: Request, endpoint: EndpointState) -> Contract:
    contracts = app_state(request).config.contracts
    return chosen_contract(contracts, endpoint.active_config.contract)


def _first_type(endpoint: EndpointState, choices: list[EventChoice]) -> str:
    """Return a type that the endpoint wants, if possible one with an example."""
    patterns = endpoint.active_config.event_types
    wanted = [each for each in choices if wants_type(patterns, each.name)]
    wanted.sort(key=lambda each: each.example is None)
    return wanted[0].name if wanted else TEST_TYPE


def _written(value: JsonValue) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _json(name: str, value: str) -> JsonValue:
    try:
        parsed: JsonValue = strict_json(value.encode())
    except NestedTooDeeplyError as error:
        raise invalid(("body", name), f"this {error}") from None
    except ValueError:
        raise invalid(("body", name), "this is not JSON") from None
    return parsed
