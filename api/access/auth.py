"""Authentication and permissions of callers: operators with keys, tenants with keys or tokens.

Keys are compared by their digests. Every request is also counted, so every route has a rate limit.
"""

import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.access.hops import refuse_loops
from api.access.limits import DELIVERIES_PER_MINUTE, MAX_ENDPOINTS, PER_MINUTE, CallKind
from api.access.publishes import publish_kind
from api.access.state import AppState, app_state
from api.access.under_way import Holder
from api.acting import acts
from api.config import ApiConfig
from api.http import Problem, begin_span, not_found
from api.services.events import Spend
from api.tokens import ALL_SCOPES, Claims, Scope
from hookwright import metrics
from hookwright.models import TenantView, Tier

TENANT_PATH = "/v1/tenants/{tenant_id}"

bearer = HTTPBearer(
    auto_error=False,
    description="An operator key (`hwk_<id>_<secret>`), a tenant's key, or a tenant token (JWT).",
)


class CallerKind(StrEnum):
    """By what a caller is known: an operator's key, a tenant's key or a tenant token."""

    OPERATOR = "operator"
    TENANT_KEY = "tenant_key"
    TOKEN = "token"  # noqa: S105 - not a secret


@dataclass(frozen=True)
class Caller:
    """The caller of a request. An operator has no tenant and no tier.

    `name` is the name of an operator's key, or the tenant's id. `scopes` are the permissions of a
    token; a key has all permissions. Only a token has a time when it expires, and it may have an
    id (`jti`).
    """

    name: str
    tenant_id: str | None = None
    tier: Tier | None = None
    scopes: frozenset[Scope] = ALL_SCOPES
    kind: CallerKind = CallerKind.OPERATOR
    expires_at: datetime | None = None
    token_id: str | None = None

    @property
    def max_endpoints(self) -> int | None:
        """How many endpoints its tenant may have when it creates one; an operator has no limit."""
        return MAX_ENDPOINTS[self.tier] if self.tier else None

    @property
    def signature(self) -> str:
        """How a caller is named in status changes and audit trails: `operator:ops`, `token:...`.

        A tenant's fixed key has no name, and a token of your own may have no id.
        """
        name = self.name if self.kind is CallerKind.OPERATOR else self.token_id
        return f"{self.kind}:{name}" if name else str(self.kind)


async def admit(request: Request) -> Caller:
    """Return the caller. A request's caller is identified and counted only once.

    Raises:
        Problem: 401, without a detail about what is wrong; 403 for a webhook of ours in a loop; or
            429.
    """
    if not hasattr(request.state, "caller"):
        caller = request.state.caller = await _identify(request)
        acts(caller.signature)
        structlog.contextvars.bind_contextvars(caller=caller.signature)
        begin_span(request, caller.signature, trusted=caller.tenant_id is None)
        await count_call(request)
        refuse_loops(request, publishes=_publishes(request))
    known: Caller = request.state.caller
    return known


async def count_call(request: Request, cost: int = 1) -> None:
    """Count a request against its caller's rate limit. Headers of the answer report the result.

    Raises:
        Problem: 429, the limit is exceeded.
    """
    caller: Caller = request.state.caller
    state = app_state(request)
    kind = _kind(request)
    limit = PER_MINUTE[kind][caller.tier] if caller.tier else state.config.operator_rate_limit
    if limit is None:
        return
    role = "tenant" if caller.tenant_id else "operator"
    rate_limit_status = await state.limits.count(limit, kind, role, caller.name, cost=cost)
    request.state.rate_limit_status = rate_limit_status
    if rate_limit_status.exceeded:
        raise rate_limit_status.problem(kind)
    if kind is CallKind.PUBLISH:
        await _refuse_in_debt(state, caller)


async def _refuse_in_debt(state: AppState, caller: Caller) -> None:
    if not (caller.tenant_id and caller.tier):
        return
    per_minute = DELIVERIES_PER_MINUTE[caller.tier]
    if seconds := await state.limits.debt_seconds(per_minute, caller.tenant_id):
        metrics.refused(metrics.ApiLimit.DELIVERIES)
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too-many-requests",
            f"at most {per_minute} deliveries a minute; try again in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )


async def delivery_budget(request: Request) -> Spend | None:
    """Return what takes deliveries from the budget of the calling tenant; an operator has none."""
    caller, limits = await admit(request), app_state(request).limits
    if not (caller.tenant_id and caller.tier):
        return None
    return partial(limits.spend, DELIVERIES_PER_MINUTE[caller.tier], caller.tenant_id)


DeliveryBudget = Annotated[Spend | None, Depends(delivery_budget)]


def _kind(request: Request) -> CallKind:
    """Return what a request counts as. In facades each counts as their contracts say: a request."""
    if _publishes(request):
        return CallKind.PUBLISH
    path: str = request.scope["route"].path
    reads = request.method in ("GET", "HEAD") and path.startswith(TENANT_PATH)
    return CallKind.READ if reads else CallKind.MANAGEMENT


def _publishes(request: Request) -> bool:
    return publish_kind(request.scope) is not None


async def _identify(request: Request) -> Caller:
    config = app_state(request).config
    # The scheme has any case, and one or more spaces follow it (RFC 9110, 11.4).
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip(" ") if scheme.lower() == "bearer" else ""
    caller = _caller_by_key(config, token)
    if caller is None:
        return await _caller_by_token(request, config, token)
    if caller.tenant_id is None:
        return caller
    tenant = await _find_tenant(request, caller.tenant_id)
    return replace(caller, tier=tenant.tier if tenant else Tier.FREE)


def _caller_by_key(config: ApiConfig, token: str) -> Caller | None:
    digest = hashlib.sha256(token.encode()).hexdigest()
    callers = [(key_digest, Caller(name)) for name, key_digest in config.api_keys.items()]
    callers += [
        (key_digest, Caller(tenant_id, tenant_id, kind=CallerKind.TENANT_KEY))
        for key_digest, tenant_id in config.tenant_keys.items()
    ]
    # Every known digest is compared, each in constant time, so that the time of the answer reveals
    # nothing about the keys.
    matching = [caller for key_digest, caller in callers if hmac.compare_digest(digest, key_digest)]
    return matching[0] if matching else None


def operator_by_key(config: ApiConfig, key: str) -> tuple[str, str] | None:
    """Return the name and the digest of an operator's key, or None if it is not one."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    known = config.api_keys.items()
    matching = [name for name, stored in known if hmac.compare_digest(digest, stored)]
    return (matching[0], digest) if matching else None


async def _caller_by_token(request: Request, config: ApiConfig, token: str) -> Caller:
    claims = config.tokens.read(token)
    tenant = await _find_tenant(request, claims.sub) if claims else None
    if claims is None or tenant is None or _is_revoked(claims, tenant):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            "send `Authorization: Bearer <key or token>`",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return Caller(
        name=tenant.id,
        tenant_id=tenant.id,
        tier=claims.tier or tenant.tier,
        scopes=claims.scopes,
        kind=CallerKind.TOKEN,
        expires_at=datetime.fromtimestamp(claims.exp, UTC),
        token_id=claims.token_id,
    )


def _is_revoked(claims: Claims, tenant: TenantView) -> bool:
    revoked_before = tenant.tokens_not_before
    if revoked_before and claims.iat < revoked_before.timestamp():
        return True
    return claims.is_older_than(tenant.created_at)


async def _find_tenant(request: Request, tenant_id: str) -> TenantView | None:
    """Return a tenant, or None if it does not exist. The data may be a few seconds old."""
    state = app_state(request)
    with state.under_way.request(Holder(tenant_id)), suppress(Problem):
        return await state.services.tenants.known(tenant_id)
    return None


async def authenticate(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Caller:
    """Return the caller. The second parameter declares bearer authentication in OpenAPI.

    Raises:
        Problem: 401 or 429.
    """
    return await admit(request)


CallerDependency = Annotated[Caller, Depends(authenticate)]


async def require_access(request: Request, caller: CallerDependency) -> None:
    """Allow operators all routes, and tenants their own routes.

    Raises:
        Problem: 404 on another tenant's route, the same as for a tenant that does not exist.
    """
    tenant_id = request.path_params.get("tenant_id", caller.tenant_id)
    if caller.tenant_id not in (None, tenant_id):
        raise not_found("tenant")


@dataclass(frozen=True)
class RequireScope:
    """Allows a group of routes to tokens that have the scope to read, or the scope to change."""

    to_read: Scope
    to_change: Scope

    async def __call__(self, request: Request, caller: CallerDependency) -> None:
        """Check the caller's scopes.

        Raises:
            Problem: 403, which names the missing scope.
        """
        scope = self.to_read if request.method == "GET" else self.to_change
        if scope not in caller.scopes:
            raise Problem(
                HTTPStatus.FORBIDDEN, "missing-scope", f"this needs a token with scope `{scope}`"
            )


ENDPOINTS = Depends(RequireScope(Scope.ENDPOINTS_READ, Scope.ENDPOINTS_WRITE))
EVENTS = Depends(RequireScope(Scope.DELIVERIES_READ, Scope.EVENTS_WRITE))
DELIVERIES = Depends(RequireScope(Scope.DELIVERIES_READ, Scope.DELIVERIES_WRITE))


async def require_operator(caller: CallerDependency) -> None:
    """Allow only operators.

    Raises:
        Problem: 403 for a tenant's key or token.
    """
    if caller.tenant_id is not None:
        raise Problem(HTTPStatus.FORBIDDEN, "operators-only", "this needs an operator's key")


async def caller_tenant_id(caller: CallerDependency) -> str:
    """Return the id of the calling tenant.

    Raises:
        Problem: 403 for an operator's key, which belongs to no tenant.
    """
    if caller.tenant_id is None:
        raise Problem(HTTPStatus.FORBIDDEN, "tenants-only", "this needs a tenant's key or token")
    return caller.tenant_id


CallerTenantId = Annotated[str, Depends(caller_tenant_id)]
