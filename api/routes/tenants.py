"""Routes that create, read, change and delete tenants, and make tenant tokens."""

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
from hookwright.times import Timestamp, WrittenTimestamp

router = APIRouter(prefix="/v1/tenants", tags=["tenants"], route_class=StrictRoute)
OPERATORS_ONLY = [Depends(require_operator)]


class TenantChangeRequest(TenantSettings):
    """The settings to change. Settings that are left out keep their values."""


class TokensRevokeRequest(BaseModel):
    """Which tokens to revoke: those that were issued before this time, by default until now."""

    model_config = ConfigDict(extra="forbid")

    before: WrittenTimestamp | None = None


class TokenRequest(BaseModel):
    """The permissions and the lifetime of a new tenant token. Its default tier is the tenant's."""

    model_config = ConfigDict(extra="forbid")

    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    expires_in_seconds: int = Field(ge=1, le=MAX_LIFETIME_SECONDS)
    tier: Tier | None = None


class TokenRead(BaseModel):
    """A new tenant token. Only this answer contains it. Audit trails name it by its `id`."""

    token: str
    id: str
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
    """Create a tenant, or replace all its settings. Settings that are left out get their defaults.

    To change some settings and keep the others, use PATCH.

    The exception is `tokens_not_before`: left out, it keeps its value. If it is set to null, the
    tokens that it has revoked are valid again.
    """
    result = await services.tenants.put(tenant_id, settings)
    response.status_code = HTTPStatus.CREATED if result.created else HTTPStatus.OK
    return result.tenant


@router.patch(
    "/{tenant_id}",
    dependencies=OPERATORS_ONLY,
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def change_tenant(
    tenant_id: Name, body: TenantChangeRequest, services: ServicesDependency
) -> TenantView:
    """Change a tenant's settings. Settings that are left out keep their values.

    Two changes of different settings at the same time are both made.
    """
    return await services.tenants.change(tenant_id, body.model_dump(exclude_unset=True))


@router.get("", dependencies=OPERATORS_ONLY, responses=responses())
async def list_tenants(
    services: ServicesDependency, limit: Limit = 50, cursor: Cursor = None
) -> Page[TenantView]:
    """List tenants, the newest first. Tenants that are changed very often may count as new.

    A tenant is listed within a second of its creation. Tenants that existed when the first page was
    read are listed exactly once. A page may have fewer than `limit` rows; the last page has no
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
    """Delete a tenant with all its endpoints. Deliveries that wait for them are cancelled.

    With `erase`, its events, deliveries and endpoints are then also removed from Temporal. This
    takes at least about 15 seconds; until it is done, a PUT of the tenant answers 409. The tenant's
    own name, metadata and subscriptions remain until the retention period ends.
    """
    await services.tenants.delete(tenant_id, erase=erase)


@router.post(
    "/{tenant_id}/tokens",
    dependencies=OPERATORS_ONLY,
    status_code=HTTPStatus.CREATED,
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def mint_token(tenant_id: Name, body: TokenRequest, state: AppStateDependency) -> TokenRead:
    """Make a tenant token. It is not stored; the tenant's `tokens_not_before` can revoke it."""
    tenant = await state.services.tenants.get(tenant_id)
    if tenant.tokens_not_before and tenant.tokens_not_before > datetime.now(UTC):
        raise conflict(
            "the tenant's tokens_not_before is in the future; until then no token is valid"
        )
    new_token = state.config.tokens.mint(
        tenant_id,
        body.scopes,
        body.expires_in_seconds,
        body.tier or tenant.tier,
        created_at=tenant.created_at,
    )
    if new_token is None:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "no-signing-key",
            "tokens are signed with HOOKWRIGHT_JWT_KEY, which is not set",
        )
    return TokenRead(token=new_token.token, id=new_token.id, expires_at=new_token.expires_at)


@router.post(
    "/{tenant_id}/tokens/revoke",
    dependencies=OPERATORS_ONLY,
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def revoke_tokens(
    tenant_id: Name, services: ServicesDependency, body: TokensRevokeRequest | None = None
) -> TenantView:
    """Revoke a tenant's tokens, by default all that were issued until now.

    It sets `tokens_not_before` and no other setting, and never to an earlier time than it has. A
    key is not touched. Within 5 seconds every API process refuses the revoked tokens.
    """
    return await services.tenants.revoke_tokens(tenant_id, body.before if body else None)
