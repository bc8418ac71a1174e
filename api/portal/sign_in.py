"""Pages to sign in and out: by a link, or with an operator's key."""

import re
from http import HTTPStatus

import structlog
from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.access import AppState, Holder, app_state, operator_by_key
from api.http import Problem
from api.portal.forms import SessionFormDependency, read_form, text
from api.portal.grants import Grant, GrantKey, GrantUse, operator_grant, session_grant
from api.portal.portal_route import PortalRoute
from api.portal.rendering import page
from api.portal.session import (
    OperatorSession,
    SessionDependency,
    end_session,
    is_still_granted,
    keep_session,
    take_place,
)
from hookwright.ids import entities_queue, portal_link_workflow_id
from hookwright.sizes import KIB
from hookwright.temporal import tenant_search_attributes
from workflows.portal_sign_in import PortalSignIn

router = APIRouter(prefix="/portal", include_in_schema=False, route_class=PortalRoute)

OWN_PATH = re.compile(r"/portal/[A-Za-z0-9_/:-]+")

STRANGER = Holder("")
"""All of whom nothing is known yet."""

MAX_SIGN_IN_BYTES = 8 * KIB

log = structlog.get_logger(__name__)


@router.get("")
async def home(session: SessionDependency) -> Response:
    """Lead to the first page of whoever is signed in."""
    return redirect("/portal/endpoints" if session.tenant else "/portal/operator")


@router.get("/sign-in")
async def ask_to_sign_in(request: Request, link: str = "") -> Response:
    """Show a button that uses the link: programs that only look at it must not use it up."""
    grant = _link_key(request).read(link, GrantUse.LINK)
    tenant = await _granted_tenant(request, grant) if grant else None
    if tenant is None:
        return _refused(request)
    return page(request, "sign_in.html", link=link, tenant=tenant)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Use up a link, and begin a session."""
    form = await read_form(request, STRANGER, MAX_SIGN_IN_BYTES)
    grant = _link_key(request).read(text(form, "link"), GrantUse.LINK)
    if grant is None or not await _granted_tenant(request, grant):
        return _refused(request)
    if not await _use(app_state(request), grant):
        return _refused(request)
    response = redirect("/portal/endpoints")
    keep_session(request, response, session_grant(grant))
    log.info("portal.signed_in", tenant_id=grant.tenant)
    return response


@router.get("/operator/sign-in")
async def ask_for_operator_key(request: Request) -> Response:
    """Ask for an operator's key."""
    return page(request, "operator_sign_in.html", refused=False)


@router.post("/operator/sign-in")
async def sign_in_operator(request: Request) -> Response:
    """Begin the session of an operator."""
    form = await read_form(request, STRANGER, MAX_SIGN_IN_BYTES)
    operator = operator_by_key(app_state(request).config, text(form, "key"))
    if operator is None:
        status = HTTPStatus.UNAUTHORIZED
        return page(request, "operator_sign_in.html", status, refused=True)
    response = redirect("/portal/operator")
    keep_session(request, response, operator_grant(*operator))
    log.info("portal.operator_signed_in", operator=operator[0])
    return response


@router.post("/operator/act-as")
async def act_as(
    request: Request, session: OperatorSession, form: SessionFormDependency
) -> Response:
    """Show an operator a tenant's pages, or no tenant's again."""
    tenant_id = text(form, "tenant") or None
    if tenant_id:
        await app_state(request).services.tenants.get(tenant_id)
    then = text(form, "then")
    first = then if OWN_PATH.fullmatch(then) else "/portal/endpoints"
    response = redirect(first if tenant_id else "/portal/operator")
    keep_session(request, response, session.grant.acting_as(tenant_id))
    log.info("portal.acting_as", operator=session.grant.operator, tenant_id=tenant_id)
    return response


@router.post("/sign-out")
async def sign_out(
    request: Request,
    form: SessionFormDependency,  # noqa: ARG001 - checked
) -> Response:
    """End the session of this browser."""
    response = page(request, "signed_out.html")
    end_session(request, response)
    return response


def redirect(path: str) -> RedirectResponse:
    """Return a redirect after a form, to a page that a reload only reads."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


def _link_key(request: Request) -> GrantKey:
    return GrantKey(app_state(request).config.portal.key)


def _refused(request: Request) -> Response:
    return page(request, "link_refused.html", HTTPStatus.FORBIDDEN)


async def _granted_tenant(request: Request, grant: Grant) -> str | None:
    """Return the name of a link's tenant, or None if the tenant or the permission is gone."""
    take_place(request, grant)
    try:
        tenant = await app_state(request).services.tenants.get(grant.tenant or "")
    except Problem as problem:
        if problem.status_code != HTTPStatus.NOT_FOUND:
            raise
        return None
    return (tenant.name or tenant.id) if is_still_granted(grant, tenant) else None


async def _use(state: AppState, link: Grant) -> bool:
    """Return whether a link is used for the first time."""
    tenant_id = link.tenant or ""
    try:
        await state.client.start_workflow(
            PortalSignIn.run,
            id=portal_link_workflow_id(tenant_id, link.jti),
            task_queue=entities_queue(state.config.task_queue),
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=tenant_search_attributes(tenant_id),
        )
    except WorkflowAlreadyStartedError:
        return False
    return True
