"""Pages to create and to edit an endpoint, with a preview of its filter and payload template."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from api.access import ServicesDependency, app_state
from api.http import Problem, conflict, invalid_model
from api.portal.endpoints.endpoint_form import EndpointForm, read_headers
from api.portal.endpoints.event_choices import EventChoice, event_choices, operational_choices
from api.portal.endpoints.previews import Preview, Previewer, one_line
from api.portal.forms import FormDependency, text
from api.portal.portal_route import PortalRoute
from api.portal.rendering import page
from api.portal.session import RequireSessionScope, SessionTenantId, TenantSession
from api.portal.sign_in import redirect
from api.routes.endpoint_bodies import EndpointChangeRequest, EndpointCreateRequest, EndpointRead
from api.services.endpoint_checks import chosen_contract
from api.services.new_endpoint import NewEndpoint
from api.tokens import Scope
from hookwright.contracts import Contract
from hookwright.ids import Name, id_from_key, new_event_id
from hookwright.models import EndpointConfig, EndpointState

router = APIRouter(
    prefix="/portal",
    include_in_schema=False,
    route_class=PortalRoute,
    dependencies=[Depends(RequireSessionScope(Scope.ENDPOINTS_WRITE))],
)


@dataclass(frozen=True)
class FormPage:
    """What the pages with the form share: the contract, its event types, and previews."""

    request: Request
    tenant_id: str
    contract: Contract
    choices: list[EventChoice]
    endpoint: EndpointRead | None = None

    @property
    def known_types(self) -> list[str]:
        """The types that the form lists, each with a box to tick."""
        return [each.name for each in (*self.choices, *operational_choices())]

    async def preview(self, form: EndpointForm) -> Preview:
        """Return what an example event becomes with the settings in the form."""
        evaluator = app_state(self.request).services.evaluator
        return await Previewer(evaluator, self.tenant_id, self.contract, self.choices).preview(form)

    async def show(self, form: EndpointForm, refusal: Problem | None = None) -> Response:
        """Show the form, with what is wrong in it."""
        return page(
            self.request,
            "endpoint_form.html",
            HTTPStatus(refusal.status_code) if refusal else HTTPStatus.OK,
            form=form,
            contract=self.contract,
            choices=self.choices,
            operational=operational_choices(),
            endpoint=self.endpoint,
            faults=faults_by_field(refusal),
            refusal=refusal.detail if refusal else None,
            preview=await self.preview(form),
        )


async def _form_page(
    request: Request,
    session: TenantSession,
    tenant_id: SessionTenantId,
    services: ServicesDependency,
) -> FormPage:
    contracts = app_state(request).config.contracts
    contract = chosen_contract(contracts, session.tenant.contract if session.tenant else None)
    return FormPage(request, tenant_id, contract, await event_choices(services, contract))


NewForm = Annotated[FormPage, Depends(_form_page)]


async def _edit_page(
    request: Request, endpoint_id: Name, tenant_id: SessionTenantId, services: ServicesDependency
) -> tuple[FormPage, EndpointState]:
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    contracts = app_state(request).config.contracts
    contract = chosen_contract(contracts, endpoint.active_config.contract)
    choices = await event_choices(services, contract)
    shown = EndpointRead.of(endpoint)
    return FormPage(request, tenant_id, contract, choices, shown), endpoint


@router.get("/endpoints/new")
async def new_endpoint(form_page: NewForm) -> Response:
    """Show the form for a new endpoint."""
    required = form_page.contract.secret.given == "required"
    # The key makes one endpoint of a form that is sent twice.
    return await form_page.show(EndpointForm(gives_secret=required, key=new_event_id()))


@router.post("/endpoints")
async def create_endpoint(
    form_page: NewForm,
    session: TenantSession,
    services: ServicesDependency,
    fields: FormDependency,
) -> Response:
    """Create an endpoint, and show its secret. A form that is sent again shows no secret."""
    form = EndpointForm.read(fields)
    if text(fields, "do") == "preview":
        return await form_page.show(form)
    tenant_id = form_page.tenant_id
    endpoint_id = id_from_key("ep", tenant_id, f"portal {form.key}") if form.key else None
    try:
        if endpoint_id and await _exists(services, tenant_id, endpoint_id):
            return redirect(f"/portal/endpoints/{endpoint_id}")
        body = _checked_creation(
            {
                **form.settings(),
                "headers": read_headers(fields, {}),
                "secret": text(fields, "secret") if form.gives_secret else None,
            }
        )
        config = body.model_dump(include=set(EndpointConfig.model_fields))
        created = await services.endpoints.create(
            tenant_id,
            NewEndpoint(
                EndpointConfig.model_validate(config),
                body.secret,
                body.headers,
                endpoint_id,
                paused=not form.active,
                max_endpoints=session.max_endpoints,
            ),
        )
    except Problem as refusal:
        if not is_refusal(refusal):
            raise
        return await form_page.show(form, refusal)
    return page(
        form_page.request,
        "secret.html",
        endpoint=EndpointRead.of(created),
        secret=created.secrets[0].value,
        rotation=None,
    )


@router.get("/endpoints/{endpoint_id}/edit")
async def edit_endpoint(
    request: Request, endpoint_id: Name, tenant_id: SessionTenantId, services: ServicesDependency
) -> Response:
    """Show the form with an endpoint's settings."""
    form_page, endpoint = await _edit_page(request, endpoint_id, tenant_id, services)
    return await form_page.show(EndpointForm.of(endpoint, form_page.known_types))


@router.post("/endpoints/{endpoint_id}/edit")
async def change_endpoint(
    request: Request,
    endpoint_id: Name,
    tenant_id: SessionTenantId,
    services: ServicesDependency,
    fields: FormDependency,
) -> Response:
    """Change an endpoint. Only what differs is checked and set."""
    form_page, endpoint = await _edit_page(request, endpoint_id, tenant_id, services)
    form = EndpointForm.read(fields, endpoint.headers)
    if text(fields, "do") == "preview":
        return await form_page.show(form)
    current = endpoint.active_config.model_dump()
    try:
        if form.version != str(endpoint.version):
            # The form still has what another person has replaced, and values of headers by place.
            form.version = str(endpoint.version)
            raise conflict(
                "the webhook has changed since this form was opened; nothing was saved. Compare"
                " with the webhook's page: saving again sets all fields as they stand here"
            )
        headers = read_headers(fields, endpoint.headers)
        changes = {name: value for name, value in form.settings().items() if value != current[name]}
        own_headers = None if headers == endpoint.headers else headers
        if changes or own_headers is not None:
            await services.endpoints.change(
                form_page.tenant_id, endpoint.endpoint_id, _checked_changes(changes), own_headers
            )
    except Problem as refusal:
        if not is_refusal(refusal):
            raise
        return await form_page.show(form, refusal)
    return redirect(f"/portal/endpoints/{endpoint.endpoint_id}")


@router.post("/preview")
async def preview(form_page: NewForm, fields: FormDependency) -> Response:
    """Return the preview alone, for the script, which asks for it as a person types."""
    contract = text(fields, "contract")
    contracts = app_state(form_page.request).config.contracts
    if contract in contracts and contract != form_page.contract.name:
        services = app_state(form_page.request).services
        chosen = contracts[contract]
        choices = await event_choices(services, chosen)
        form_page = FormPage(form_page.request, form_page.tenant_id, chosen, choices)
    shown = await form_page.preview(EndpointForm.read(fields))
    return page(form_page.request, "preview.html", preview=shown)


def is_refusal(problem: Problem) -> bool:
    """Return whether a person can correct the form. Other problems have pages of their own."""
    return problem.status_code in (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT)


def faults_by_field(refusal: Problem | None) -> dict[str, str]:
    """Return what is wrong with each field of the form."""
    faults: dict[str, str] = {}
    for fault in refusal.errors if refusal else ():
        name = str(fault.loc[1]) if len(fault.loc) > 1 else "form"
        faults.setdefault(name, one_line(fault.msg))
    return faults


def _checked_creation(settings: dict[str, object]) -> EndpointCreateRequest:
    try:
        return EndpointCreateRequest.model_validate(settings)
    except ValidationError as error:
        raise invalid_model(error, "body") from None


def _checked_changes(changes: dict[str, object]) -> dict[str, object]:
    try:
        return EndpointChangeRequest.model_validate(changes).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise invalid_model(error, "body") from None


async def _exists(services: ServicesDependency, tenant_id: str, endpoint_id: str) -> bool:
    try:
        await services.endpoints.get(tenant_id, endpoint_id)
    except Problem as problem:
        if problem.status_code != HTTPStatus.NOT_FOUND:
            raise
        return False
    return True
