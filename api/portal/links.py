"""The route that makes a link to the portal. It is part of the API, for operators."""

from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import AppStateDependency, require_operator
from api.http import BODY_ERRORS, conflict, responses
from api.portal.grants import GrantKey, GrantUse, link_grant
from api.routes.strict_route import StrictRoute
from api.tokens import Scope
from hookwright.ids import Name
from hookwright.times import Timestamp

MAX_LINK_SECONDS = 86_400
"""Temporal remembers a used link for as long as it keeps ended workflows: a day at least."""

router = APIRouter(prefix="/v1/tenants", tags=["portal"], route_class=StrictRoute)


class PortalLinkRequest(BaseModel):
    """What the person who opens the link may do, and how long the link works, if it is not used."""

    model_config = ConfigDict(extra="forbid")

    scopes: list[Scope] = Field(default=list(Scope), min_length=1, max_length=len(Scope))
    expires_in_seconds: int = Field(default=900, ge=1, le=MAX_LINK_SECONDS)


class PortalLinkRead(BaseModel):
    """A link to the portal. It works once, until it expires; the session lasts 12 hours."""

    url: str
    expires_at: Timestamp


@router.post(
    "/{tenant_id}/portal-links",
    dependencies=[Depends(require_operator)],
    status_code=HTTPStatus.CREATED,
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def create_portal_link(
    tenant_id: Name,
    request: Request,
    state: AppStateDependency,
    body: PortalLinkRequest | None = None,
) -> PortalLinkRead:
    """Make a link that signs a tenant's developer in to the portal. It works once."""
    tenant = await state.services.tenants.get(tenant_id)
    if tenant.tokens_not_before and tenant.tokens_not_before > datetime.now(UTC):
        raise conflict("the tenant's tokens_not_before is in the future; until then no link works")
    wanted = body or PortalLinkRequest()
    grant = link_grant(tenant, wanted.scopes, wanted.expires_in_seconds)
    token = GrantKey(state.config.portal.key).write(grant, GrantUse.LINK)
    base = state.config.portal.url or str(request.base_url).rstrip("/")
    return PortalLinkRead(
        url=f"{base}/portal/sign-in?link={token}",
        expires_at=datetime.fromtimestamp(grant.exp, UTC),
    )
