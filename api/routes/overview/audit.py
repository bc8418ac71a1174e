"""Routes that tell who changed a tenant or an endpoint, what, and when."""

from http import HTTPStatus
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel

from api.access import ServicesDependency
from api.http import Cursor, Limit, Page, responses
from api.routes.strict_route import StrictRoute
from api.services.overview import AuditPage, ListedEntry
from hookwright.audit import AuditAction, AuditedField
from hookwright.contracts import DisabledReason
from hookwright.ids import Name
from hookwright.times import Timestamp

router = APIRouter(prefix="/v1/tenants/{tenant_id}", tags=["audit"], route_class=StrictRoute)


class AuditEntryRead(BaseModel):
    """Who did what, and when.

    `by` is null if it is not known: whoever has access to Temporal need not give a name. Secrets
    are `(hidden)`, and so is all of a URL but scheme, host and port. A long value is cut, and ends
    in an ellipsis.
    """

    at: Timestamp
    action: AuditAction
    by: str | None
    request_id: str | None
    changes: list[AuditedField]
    subject: str | None
    times: int
    first_at: Timestamp
    reason: DisabledReason | None

    @classmethod
    def of(cls, listed: ListedEntry) -> Self:
        """Return an entry as the API answers it."""
        entry = listed.entry
        return cls(
            **entry.model_dump(exclude={"number", "first_at"}),
            first_at=entry.first_at or entry.at,
            reason=listed.reason,
        )


class AuditPageRead(Page[AuditEntryRead]):
    """One page of an audit trail. `dropped` older entries are not kept any more."""

    dropped: int

    @classmethod
    def of(cls, found: AuditPage) -> Self:
        """Return a page as the API answers it."""
        return cls(
            data=list(map(AuditEntryRead.of, found.page.data)),
            next_cursor=found.page.next_cursor,
            dropped=found.dropped,
        )


@router.get("/audit", responses=responses(HTTPStatus.NOT_FOUND))
async def list_audit_of_tenant(
    tenant_id: Name, services: ServicesDependency, limit: Limit = 50, cursor: Cursor = None
) -> AuditPageRead:
    """List who changed a tenant's settings, revoked its tokens or deleted it, newest first.

    A tenant keeps its last 100 entries, or less if they are long. Changes of its endpoints are in
    the endpoints' own trails. The trail of a deleted tenant can be read until the retention period
    ends, or until a new tenant takes its id.
    """
    return AuditPageRead.of(await services.audit.of_tenant(tenant_id, limit, cursor))


@router.get("/endpoints/{endpoint_id}/audit", responses=responses(HTTPStatus.NOT_FOUND))
async def list_audit_of_endpoint(
    tenant_id: Name,
    endpoint_id: Name,
    services: ServicesDependency,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AuditPageRead:
    """List who changed an endpoint, and what was asked for: retries, recoveries; newest first.

    What Hookwright itself did (`disabled`, `recovered`) is among it. An endpoint keeps its last 100
    entries, or less if they are long. The trail of a deleted endpoint can be read until the
    retention period ends.
    """
    return AuditPageRead.of(await services.audit.of_endpoint(tenant_id, endpoint_id, limit, cursor))
