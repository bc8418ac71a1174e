"""Pages that replace an endpoint's secret. The new secret is shown once."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from api.access import ServicesDependency, app_state
from api.http import Problem, conflict, invalid_model
from api.portal.endpoints.form_pages import faults_by_field, is_refusal
from api.portal.forms import FormDependency, text
from api.portal.portal_route import PortalRoute
from api.portal.rendering import page
from api.portal.session import RequireSessionScope, SessionTenantId
from api.routes.endpoint_bodies import EndpointRead, SecretRotateRequest
from api.services.endpoint_checks import chosen_contract
from api.services.new_endpoint import SecretRotation
from api.tokens import Scope
from hookwright.contracts import Contract
from hookwright.ids import Name
from hookwright.models import EndpointState

GRACE_HOURS = 24

router = APIRouter(
    prefix="/portal/endpoints",
    include_in_schema=False,
    route_class=PortalRoute,
    dependencies=[Depends(RequireSessionScope(Scope.ENDPOINTS_WRITE))],
)


@router.get("/{endpoint_id}/secret")
async def ask_for_rotation(
    request: Request, endpoint_id: Name, tenant_id: SessionTenantId, services: ServicesDependency
) -> Response:
    """Show how the secret can be replaced."""
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    return _form(
        request,
        endpoint,
        {"grace_hours": str(GRACE_HOURS), "sign_with": "", "secret_from": ""},
        None,
    )


@router.post("/{endpoint_id}/secret")
async def rotate(
    request: Request,
    endpoint_id: Name,
    tenant_id: SessionTenantId,
    services: ServicesDependency,
    form: FormDependency,
) -> Response:
    """Replace the secret, and show the new one."""
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    shown = {name: text(form, name) for name in ("grace_hours", "sign_with", "secret_from")}
    try:
        # A reload of the answer sends the form again: it must not make another secret.
        if text(form, "version") != str(endpoint.version):
            raise conflict("the webhook has changed since this form was opened; check it again")
        wanted = _wanted(shown, text(form, "secret"))
        rotation = SecretRotation(wanted.grace_period_seconds, wanted.sign_with, wanted.secret)
        rotated = await services.endpoints.rotate(tenant_id, endpoint_id, rotation)
    except Problem as refusal:
        if not is_refusal(refusal):
            raise
        return _form(request, endpoint, shown, refusal)
    current, *older = rotated.secrets
    return page(
        request,
        "secret.html",
        endpoint=EndpointRead.of(rotated),
        secret=current.value,
        rotation={
            "signs_from": current.signs_from or rotated.updated_at,
            "previous_expires_at": older[0].expires_at if older else None,
        },
    )


def _wanted(shown: dict[str, str], secret: str) -> SecretRotateRequest:
    is_given = shown.get("secret_from") == "person"
    fields: dict[str, Any] = {"secret": secret if is_given else None}
    if shown["sign_with"]:
        fields["sign_with"] = shown["sign_with"]
    try:
        hours = float(shown["grace_hours"] or 0)
        fields["grace_period_seconds"] = round(hours * 3_600)
    except (ValueError, OverflowError):
        fields["grace_period_seconds"] = shown["grace_hours"]
    try:
        return SecretRotateRequest.model_validate(fields)
    except ValidationError as error:
        raise invalid_model(error, "body") from None


def _form(
    request: Request, endpoint: EndpointState, form: dict[str, str], refusal: Problem | None
) -> Response:
    contracts = app_state(request).config.contracts
    contract = chosen_contract(contracts, endpoint.active_config.contract)
    return page(
        request,
        "secret_form.html",
        HTTPStatus(refusal.status_code) if refusal else HTTPStatus.OK,
        endpoint=EndpointRead.of(endpoint),
        contract=contract,
        room_for_two=_has_room_for_two(contract),
        form=form,
        faults=faults_by_field(refusal),
        refusal=refusal.detail if refusal else None,
    )


def _has_room_for_two(contract: Contract) -> bool:
    """Return whether both secrets can sign during a rotation."""
    rule = contract.signature
    return rule.scheme in ("standard", "timestamped") or bool(rule.repeat)
