"""The route that tells a caller what its own key or token is good for."""

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel

from api.access import Caller, CallerDependency, CallerKind
from api.http import responses
from api.routes.strict_route import StrictRoute
from api.tokens import Scope
from hookwright.ids import Name
from hookwright.models import Tier
from hookwright.times import Timestamp

router = APIRouter(prefix="/v1/whoami", tags=["tenants"], route_class=StrictRoute)


class CallerRead(BaseModel):
    """The caller, as its key or token names it.

    A key has all `scopes`, and does not expire. An operator's key has no tenant and no tier. The
    tier of a tenant may be a few seconds old.
    """

    kind: CallerKind
    name: str
    tenant_id: Name | None
    tier: Tier | None
    scopes: list[Scope]
    expires_at: Timestamp | None

    @classmethod
    def of(cls, caller: Caller) -> Self:
        """Return a caller as the API answers it."""
        return cls(
            kind=caller.kind,
            name=caller.name,
            tenant_id=caller.tenant_id,
            tier=caller.tier,
            scopes=sorted(caller.scopes),
            expires_at=caller.expires_at,
        )


@router.get("", responses=responses())
async def whoami(caller: CallerDependency) -> CallerRead:
    """Tell who the caller is: by which key or token, for which tenant, and with which scopes."""
    return CallerRead.of(caller)
