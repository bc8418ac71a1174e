"""Who is calling: an operator or a tenant by a key, or a tenant by a token; and what it may do.

Keys are compared by digest. Whoever is known is also counted, so no route is without a limit.
"""

import hashlib
import hmac
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.access.limits import PER_MINUTE, Kind
from api.access.state import app_state
from api.config import ApiConfig
from api.http import Problem, not_found
from api.tokens import ALL_SCOPES, Scope
from hookwright.models import TenantView, Tier

PUBLISH_PATHS = ("/v1/tenants/{tenant_id}/events", "/v1/tenants/{tenant_id}/events/batch")

bearer = HTTPBearer(
    auto_error=False,
    description="An operator key (`hwk_<id>_<secret>`), a tenant's key, or a tenant token (JWT).",
)


@dataclass(frozen=True)
class Caller:
    """Who is calling. An operator has no tenant and no tier; `name` is the key's or the tenant's.

    `scopes` say what a token permits; keys permit all.
    """

    name: str
    tenant_id: str | None = None
    tier: Tier | None = None
    scopes: frozenset[Scope] = ALL_SCOPES


async def admit(request: Request) -> Caller:
    """Return who is calling; identified, and counted, once a request.

    Raises:
        Problem: 401, with no detail on what was wrong; 429.
    """
    if not hasattr(request.state, "caller"):
        request.state.caller = await _identified(request)
        await count(request)
    who: Caller = request.state.caller
    return who


async def count(request: Request, cost: int = 1) -> None:
    """Count a request against its caller's limit. The answer's headers will say how it stands.

    Raises:
        Problem: 429.
    """
    who: Caller = request.state.caller
    state = app_state(request)
    publishes = request.method == "POST" and request.scope["route"].path in PUBLISH_PATHS
    kind = Kind.PUBLISH if publishes else Kind.MANAGEMENT
    limit = PER_MINUTE[kind][who.tier] if who.tier else state.config.operator_rate_limit
    if limit is None:
        return
    side = "tenant" if who.tenant_id else "operator"
    rate_limit_status = await state.limits.count(limit, kind, side, who.name, cost=cost)
    request.state.rate_limit_status = rate_limit_status
    if rate_limit_status.exceeded:
        raise rate_limit_status.problem(kind)


async def _identified(request: Request) -> Caller:
    config = app_state(request).config
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = ""
    found = _by_key(config, token)
    if found is None:
        return await _by_token(request, config, token)
    if found.tenant_id is None:
        return found
    view = await _view(request, found.tenant_id)
    return Caller(found.name, found.tenant_id, view.tier if view else Tier.FREE)


def _by_key(config: ApiConfig, token: str) -> Caller | None:
    digest = hashlib.sha256(token.encode()).hexdigest()
    callers = [(known, Caller(name)) for name, known in config.api_keys.items()]
    callers += [(known, Caller(tenant, tenant)) for known, tenant in config.tenant_keys.items()]
    # Every known digest is compared, and in constant time: timing tells nothing of the others.
    found = [who for known, who in callers if hmac.compare_digest(digest, known)]
    return found[0] if found else None


async def _by_token(request: Request, config: ApiConfig, token: str) -> Caller:
    claims = config.tokens.read(token)
    view = await _view(request, claims.sub) if claims else None
    if claims is None or view is None or _is_revoked(claims.iat, view):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            "send `Authorization: Bearer <key or token>`",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return Caller(view.id, view.id, claims.tier or view.tier, claims.scopes)


def _is_revoked(issued: float, tenant: TenantView) -> bool:
    return bool(tenant.tokens_not_before and issued < tenant.tokens_not_before.timestamp())


async def _view(request: Request, tenant_id: str) -> TenantView | None:
    """Return a tenant as it was a few seconds ago at most, or None if there is none."""
    try:
        return await app_state(request).services.tenants.known(tenant_id)
    except Problem:
        return None


async def caller(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Caller:
    """Return who is calling, and declare in OpenAPI how to say it.

    Raises:
        Problem: 401; 429.
    """
    return await admit(request)


CallerDependency = Annotated[Caller, Depends(caller)]


async def require_access(request: Request, who: CallerDependency) -> None:
    """Let operators pass, and tenants on their own routes.

    Raises:
        Problem: 404 on another tenant's route, the same as for a tenant that is not there.
    """
    tenant_id = request.path_params.get("tenant_id", who.tenant_id)
    if who.tenant_id not in (None, tenant_id):
        raise not_found("tenant")


@dataclass(frozen=True)
class RequireScope:
    """Lets tokens pass that have the scope for what a group of routes reads, or changes."""

    to_read: Scope
    to_change: Scope

    async def __call__(self, request: Request, who: CallerDependency) -> None:
        """Let pass.

        Raises:
            Problem: 403, naming the scope.
        """
        scope = self.to_read if request.method == "GET" else self.to_change
        if scope not in who.scopes:
            raise Problem(
                HTTPStatus.FORBIDDEN, "missing-scope", f"this takes a token with scope `{scope}`"
            )


ENDPOINTS = Depends(RequireScope(Scope.ENDPOINTS_READ, Scope.ENDPOINTS_WRITE))
EVENTS = Depends(RequireScope(Scope.DELIVERIES_READ, Scope.EVENTS_WRITE))
DELIVERIES = Depends(RequireScope(Scope.DELIVERIES_READ, Scope.DELIVERIES_WRITE))


async def require_operator(who: CallerDependency) -> None:
    """Let only operators pass.

    Raises:
        Problem: 403 for a tenant's key.
    """
    if who.tenant_id is not None:
        raise Problem(HTTPStatus.FORBIDDEN, "operators-only", "this takes an operator's key")


async def own_tenant(who: CallerDependency) -> str:
    """Return the tenant whose key or token this is.

    Raises:
        Problem: 403 for an operator's key, which stands for no tenant.
    """
    if who.tenant_id is None:
        raise Problem(
            HTTPStatus.FORBIDDEN, "tenants-only", "this takes a tenant's own key or token"
        )
    return who.tenant_id


OwnTenant = Annotated[str, Depends(own_tenant)]
