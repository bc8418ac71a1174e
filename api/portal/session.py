"""The session of a request: read from the cookie, checked against what has changed since."""

from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, Request, Response

from api.access import MAX_ENDPOINTS, PER_MINUTE, AppState, CallKind, app_state
from api.acting import acts
from api.http import Problem, not_found
from api.portal.grants import SESSION_SECONDS, Grant, GrantKey, GrantUse
from api.services import Services
from api.tokens import Scope
from hookwright.models import TenantView, Tier


class SignedOutError(Exception):
    """Nobody is signed in, or the session has ended."""


@dataclass(frozen=True)
class PortalSession:
    """Who looks at a page. `tenant` is the tenant whose pages are shown, if there is one."""

    grant: Grant
    tenant: TenantView | None
    csrf_token: str

    @property
    def tenant_id(self) -> str:
        """The id of the tenant whose pages are shown. There is one on every tenant's page."""
        if self.tenant is None:
            raise ValueError("this session shows no tenant's pages")
        return self.tenant.id

    @property
    def is_operator(self) -> bool:
        """Whether an operator is signed in, with or without acting as a tenant."""
        return self.grant.operator is not None

    @property
    def signature(self) -> str:
        """How a person is named in status changes and audit trails: `operator:ops`, `portal:...`.

        Of the session's id it has the beginning: enough to tell two persons apart.
        """
        return (
            f"operator:{self.grant.operator}"
            if self.is_operator
            else f"portal:{self.grant.jti[:8]}"
        )

    @property
    def max_endpoints(self) -> int | None:
        """How many endpoints the tenant may have when one is created here; None for an operator."""
        return None if self.is_operator or not self.tenant else MAX_ENDPOINTS[self.tenant.tier]

    def can(self, scope: str) -> bool:
        """Return whether the session allows this scope."""
        return scope in self.grant.known_scopes

    def require(self, scope: Scope) -> None:
        """Check that the session allows a scope.

        Raises:
            Problem: 403.
        """
        if not self.can(scope):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "missing-scope",
                f"this link does not allow it (`{scope}`); ask your provider for another link",
            )


def take_place(request: Request, grant: Grant) -> None:
    """Count a request as under way until it is answered.

    Raises:
        Problem: 503, there are too many.
    """
    place = app_state(request).under_way.request(grant.holder)
    request.state.until_answered.enter_context(place)


async def find_session(request: Request) -> PortalSession | None:
    """Return the session of a request, or None if it has none that is still valid.

    Raises:
        Problem: 503, too many requests are under way.
    """
    state = app_state(request)
    key = GrantKey(state.config.portal.key)
    grant = key.read(request.cookies.get(cookie_name(request), ""), GrantUse.SESSION)
    if grant is None or not _is_current_operator(state, grant):
        return None
    take_place(request, grant)
    tenant = await _tenant(state.services, grant) if grant.tenant else None
    if tenant is None and not grant.operator:
        return None
    return PortalSession(grant, tenant, key.csrf_token(grant))


async def signed_in(request: Request) -> PortalSession:
    """Return the session of a request, and count the request.

    Raises:
        SignedOutError: There is none.
        Problem: 429; 503, too many requests are under way.
    """
    session = await find_session(request)
    if session is None:
        raise SignedOutError
    await _count(app_state(request), session)
    request.state.portal_session = session
    acts(session.signature)
    return session


async def signed_in_to_tenant(
    session: Annotated[PortalSession, Depends(signed_in)],
) -> PortalSession:
    """Return the session of a request to a tenant's page.

    Raises:
        Problem: 404 for an operator who acts as no tenant.
    """
    if session.tenant is None:
        raise not_found("tenant; choose one first")
    return session


async def signed_in_operator(
    session: Annotated[PortalSession, Depends(signed_in)],
) -> PortalSession:
    """Return an operator's session.

    Raises:
        Problem: 404 for a tenant's session: it does not see that there are such pages.
    """
    if not session.is_operator:
        raise not_found("page")
    return session


SessionDependency = Annotated[PortalSession, Depends(signed_in)]
TenantSession = Annotated[PortalSession, Depends(signed_in_to_tenant)]
OperatorSession = Annotated[PortalSession, Depends(signed_in_operator)]


async def _tenant_id(session: TenantSession) -> str:
    return session.tenant_id


SessionTenantId = Annotated[str, Depends(_tenant_id)]


@dataclass(frozen=True)
class RequireSessionScope:
    """Allows a route to sessions with this scope."""

    scope: Scope

    async def __call__(self, session: SessionDependency) -> None:
        """Check the scope.

        Raises:
            Problem: 403.
        """
        session.require(self.scope)


def is_plain_loopback(request: Request) -> bool:
    """Return whether a request came over plain http to this machine itself, as in development."""
    host = request.url.hostname or ""
    if request.url.scheme != "http":
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def cookie_name(request: Request) -> str:
    """Return the cookie's name. With `__Host-` no other host or path can set it (RFC 6265bis)."""
    return "hookwright" if is_plain_loopback(request) else "__Host-hookwright"


def keep_session(request: Request, response: Response, grant: Grant) -> None:
    """Put a session into the cookie."""
    token = GrantKey(app_state(request).config.portal.key).write(grant, GrantUse.SESSION)
    response.set_cookie(
        cookie_name(request),
        token,
        max_age=SESSION_SECONDS,
        secure=not is_plain_loopback(request),
        httponly=True,
        samesite="lax",
    )


def end_session(request: Request, response: Response) -> None:
    """Take the cookie away."""
    response.delete_cookie(
        cookie_name(request),
        secure=not is_plain_loopback(request),
        httponly=True,
        samesite="lax",
    )


def _is_current_operator(state: AppState, grant: Grant) -> bool:
    """Return whether an operator's key is still the one of the session; true for a tenant."""
    if grant.operator is None:
        return True
    known = state.config.api_keys.get(grant.operator)
    return known is not None and known[:16] == grant.key


async def _tenant(services: Services, grant: Grant) -> TenantView | None:
    """Return the session's tenant, unless the session ended with it or with a revocation."""
    try:
        tenant = await services.tenants.known(grant.tenant or "")
    except Problem as problem:
        if problem.status_code != HTTPStatus.NOT_FOUND:
            raise
        return None
    if grant.operator:
        return tenant
    return tenant if is_still_granted(grant, tenant) else None


def is_still_granted(grant: Grant, tenant: TenantView) -> bool:
    """Return whether neither a revocation nor a new tenant of the same id came after the grant."""
    ends = (tenant.tokens_not_before, tenant.created_at)
    return all(end is None or grant.iat >= end.timestamp() for end in ends)


async def _count(state: AppState, session: PortalSession) -> None:
    tier = session.tenant.tier if session.tenant else Tier.ENTERPRISE
    name = session.grant.operator or session.grant.tenant or ""
    limit = PER_MINUTE[CallKind.PORTAL][tier]
    role = "operator" if session.is_operator else "tenant"
    counted = await state.limits.count(limit, CallKind.PORTAL, role, name)
    if counted.exceeded:
        raise counted.problem(CallKind.PORTAL)
