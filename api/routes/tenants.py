"""Routes of tenants."""

from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import AppStateDependency, ServicesDependency, require_operator
from api.http import BODY_ERRORS, Cursor, Limit, Page, Problem, conflict, responses
from api.routes.strict_route import StrictRoute
from api.tokens import MAX_LIFETIME_SECONDS, Scope
from hookwright.ids import Name
from hookwright.models import TenantSettings, TenantView, Tier
from hookwright.times import Timestamp

router = APIRouter(prefix="/v1/tenants", tags=["tenants"], route_class=StrictRoute)
OPERATORS_ONLY = [Depends(require_operator)]


class TokenRequest(BaseModel):
    """What a tenant token shall permit. Its tier is the tenant's unless given."""

    model_config = ConfigDict(extra="forbid")

    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    expires_in_seconds: int = Field(ge=1, le=MAX_LIFETIME_SECONDS)
    tier: Tier | None = None


class TokenCreated(BaseModel):
    """A tenant token, shown once."""

    token: str
    expires_at: Timestamp


@router.put(
    "/{tenant_id}",
    dependencies=OPERATORS_ONLY,
    responses={
        **responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
        201: {"model": TenantView},
    },
)
async def put_tenant(
    tenant_id: Name, settings: TenantSettings, services: ServicesDependency, response: Response
) -> TenantView:
    """Create a tenant, or change its settings. What is left out returns to its default.

    But for `tokens_not_before`: left out, it stays; null revives what it has revoked.
    """
    put = await services.tenants.put(tenant_id, settings)
    response.status_code = HTTPStatus.CREATED if put.created else HTTPStatus.OK
    return put.tenant


@router.get("", dependencies=OPERATORS_ONLY, responses=responses())
async def list_tenants(
    services: ServicesDependency, limit: Limit = 50, cursor: Cursor = None
) -> Page[TenantView]:
    """List tenants, new ones first, among them those that were changed very often.

    A tenant shows up here within a second of its creation. Cursors lead through all that there were
    at the first page, each once. A page may be shorter than `limit`; the last is the one without
    `next_cursor`.
    """
    return await services.tenants.page(limit, cursor)


@router.get("/{tenant_id}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_tenant(tenant_id: Name, services: ServicesDependency) -> TenantView:
    """Read a tenant."""
    return await services.tenants.get(tenant_id)


@router.delete(
    "/{tenant_id}",
    dependencies=OPERATORS_ONLY,
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_tenant(
    tenant_id: Name, services: ServicesDependency, *, erase: bool = False
) -> None:
    """Delete a tenant with all its endpoints; what waits for them is cancelled.

    With `erase`, its events, deliveries and endpoints are then removed from Temporal, too. Until
    all is done, after some 15 seconds at least, a PUT of the tenant answers 409. Its own name,
    metadata and subscriptions remain until retention ends.
    """
    await services.tenants.delete(tenant_id, erase=erase)


@router.post(
    "/{tenant_id}/tokens",
    dependencies=OPERATORS_ONLY,
    status_code=HTTPStatus.CREATED,
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def mint_token(
    tenant_id: Name, body: TokenRequest, state: AppStateDependency
) -> TokenCreated:
    """Make a tenant token. It is kept nowhere; the tenant's `tokens_not_before` revokes it."""
    tenant = await state.services.tenants.get(tenant_id)
    if tenant.tokens_not_before and tenant.tokens_not_before > datetime.now(UTC):
        raise conflict("tokens_not_before of this tenant is yet to come; until then none is good")
    minted = state.config.tokens.mint(
        tenant_id, body.scopes, body.expires_in_seconds, body.tier or tenant.tier
    )
    if minted is None:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "no-signing-key",
            "tokens are signed with HOOKWRIGHT_JWT_KEY, which is not set",
        )
    return TokenCreated(token=minted.token, expires_at=minted.expires_at)
