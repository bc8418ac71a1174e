"""Who is calling: an operator, or a tenant by a fixed key. Keys are compared by digest."""

import hashlib
import hmac
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.config import ApiConfig
from api.errors import Problem, not_found

bearer = HTTPBearer(
    auto_error=False, description="An operator key (`hwk_<id>_<secret>`) or a tenant's key."
)


@dataclass(frozen=True)
class Caller:
    """Who is calling; an operator has no tenant."""

    tenant_id: str | None


def identify(request: Request) -> Caller:
    """Return who is calling.

    Raises:
        Problem: 401, with no detail on what was wrong.
    """
    config: ApiConfig = request.app.state.config
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = ""
    digest = hashlib.sha256(token.encode()).hexdigest()
    operators = dict.fromkeys(config.api_keys.values())
    # Every known digest is compared, and in constant time: timing tells nothing of the others.
    found = [
        Caller(tenant)
        for known, tenant in [*operators.items(), *config.tenant_keys.items()]
        if hmac.compare_digest(digest, known)
    ]
    if not found:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            "send `Authorization: Bearer <key>`",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return found[0]


async def caller(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Caller:
    """Return who is calling, and declare in OpenAPI how to say it.

    Raises:
        Problem: 401.
    """
    return identify(request)


CallerDependency = Annotated[Caller, Depends(caller)]


async def require_access(request: Request, who: CallerDependency) -> None:
    """Let operators pass, and tenants on their own routes.

    Raises:
        Problem: 404 on another tenant's route, the same as for a tenant that is not there.
    """
    tenant_id = request.path_params.get("tenant_id", who.tenant_id)
    if who.tenant_id not in (None, tenant_id):
        raise not_found("tenant")


async def require_operator(who: CallerDependency) -> None:
    """Let only operators pass.

    Raises:
        Problem: 403 for a tenant's key.
    """
    if who.tenant_id is not None:
        raise Problem(HTTPStatus.FORBIDDEN, "operators-only", "this takes an operator's key")


async def own_tenant(who: CallerDependency) -> str:
    """Return the tenant whose key this is.

    Raises:
        Problem: 403 for an operator's key, which stands for no tenant.
    """
    if who.tenant_id is None:
        raise Problem(HTTPStatus.FORBIDDEN, "tenants-only", "this takes a tenant's own key")
    return who.tenant_id


OwnTenant = Annotated[str, Depends(own_tenant)]
