"""Routes of recoveries, which send an endpoint the events that it has not received."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.access import ServicesDependency
from api.http import BODY_ERRORS, Cursor, Limit, Page, conflict, invalid, responses
from api.routes.parameters import RecoveryIdDependency
from api.routes.strict_route import StrictRoute
from api.services.recoveries import RecoveryDetails, RecoveryState
from hookwright.ids import Name
from hookwright.models import MAX_PER_SECOND, RecoveryInput, RecoverySelection
from hookwright.temporal import Update
from hookwright.times import Timestamp, WrittenMoment

router = APIRouter(prefix="/v1/tenants/{tenant_id}", tags=["recoveries"], route_class=StrictRoute)

NOT_FOUND_OR_CONFLICT = responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


class RecoveryRequest(BaseModel):
    """What to recover, and how fast.

    `status` selects `failed` deliveries, or events whose delivery is `missing`. They must have
    begun, or have been due, at or after `since` and before `until`, which is now by default. Data
    that is older than the retention period less an hour may already be deleted, so it is skipped.
    The default of `rate_per_second` is the endpoint's `drain_per_second`.
    """

    model_config = ConfigDict(extra="forbid")

    since: WrittenMoment
    until: WrittenMoment | None = None
    status: RecoverySelection
    rate_per_second: float | None = Field(
        default=None, ge=0.1, le=MAX_PER_SECOND, allow_inf_nan=False
    )


class RecoveryRead(BaseModel):
    """A recovery and its progress.

    Of `total` selected deliveries or events, `done` have been processed. `total` is null while they
    are being counted. Some needed no delivery, because they were delivered in the meantime or no
    longer match; others, the `unreadable` ones, were skipped because their encryption key is
    missing.

    `delivered`, `failed` and `pending` count the deliveries that the recovery has started. They
    still change after it is completed. Temporal's visibility learns of a delivery some seconds
    after it was started, so their sum may be too small for that long. They are null in a list, and
    while Temporal's visibility is too busy.
    """

    id: str
    endpoint_id: Name
    status: RecoverySelection
    since: Timestamp
    until: Timestamp
    rate_per_second: float
    state: RecoveryState
    total: int | None
    done: int
    unreadable: int
    delivered: int | None
    failed: int | None
    pending: int | None
    created_at: Timestamp
    ended_at: Timestamp | None

    @classmethod
    def of(cls, recovery: RecoveryDetails) -> Self:
        """Return a recovery as the API answers it."""
        request, progress, outcomes = recovery.request, recovery.progress, recovery.outcomes
        return cls(
            id=recovery.id,
            endpoint_id=request.endpoint_id,
            status=request.status,
            since=request.since,
            until=request.until,
            rate_per_second=request.per_second,
            state=recovery.state,
            total=progress.total,
            done=progress.done,
            unreadable=progress.unreadable,
            delivered=outcomes.delivered,
            failed=outcomes.failed,
            pending=outcomes.pending,
            created_at=recovery.created_at,
            ended_at=recovery.ended_at,
        )


@router.post(
    "/endpoints/{endpoint_id}/recover",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def recover_endpoint(
    tenant_id: Name, endpoint_id: Name, body: RecoveryRequest, services: ServicesDependency
) -> RecoveryRead:
    """Send an endpoint the events that it has not received, oldest first.

    Delivered events are not sent again. An endpoint has one recovery at a time: while it runs, the
    same request returns it, and a different request is refused.
    """
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    if endpoint.health.gone:
        raise conflict("the endpoint has answered 410 Gone; resume it first")
    now = datetime.now(UTC)
    until = min(body.until or now, now)
    if body.since >= until:
        raise invalid(("body", "since"), "must be before `until`, and in the past")
    drain_per_second = endpoint.active_config.drain_per_second
    request = RecoveryInput(
        tenant_id=tenant_id,
        endpoint_id=endpoint_id,
        status=body.status,
        since=body.since,
        until=until,
        per_second=body.rate_per_second or min(drain_per_second, MAX_PER_SECOND),
    )
    recovery = await services.recoveries.begin(request, until_now=body.until is None)
    return RecoveryRead.of(recovery)


@router.get("/recoveries", responses=responses(HTTPStatus.NOT_FOUND))
async def list_recoveries(
    tenant_id: Name,
    services: ServicesDependency,
    endpoint_id: Name | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RecoveryRead]:
    """List a tenant's recoveries, newest first, for as long as the retention keeps them.

    The list does not count the started deliveries: `delivered`, `failed` and `pending` are null.
    Read one recovery for them.
    """
    await services.tenants.known(tenant_id)
    page = await services.recoveries.page(tenant_id, endpoint_id, limit, cursor)
    return Page(data=list(map(RecoveryRead.of, page.data)), next_cursor=page.next_cursor)


@router.get("/recoveries/{recovery_id}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_recovery(
    tenant_id: Name, recovery_id: RecoveryIdDependency, services: ServicesDependency
) -> RecoveryRead:
    """Read a recovery and its progress."""
    return RecoveryRead.of(
        await services.recoveries.get(tenant_id, recovery_id.endpoint_id, recovery_id.run_id)
    )


@router.post("/recoveries/{recovery_id}/pause", responses=NOT_FOUND_OR_CONFLICT)
async def pause_recovery(
    tenant_id: Name, recovery_id: RecoveryIdDependency, services: ServicesDependency
) -> RecoveryRead:
    """Pause a recovery until it is resumed. Deliveries that it has started continue."""
    return RecoveryRead.of(
        await services.recoveries.switch(
            tenant_id, recovery_id.endpoint_id, recovery_id.run_id, Update.PAUSE
        )
    )


@router.post("/recoveries/{recovery_id}/resume", responses=NOT_FOUND_OR_CONFLICT)
async def resume_recovery(
    tenant_id: Name, recovery_id: RecoveryIdDependency, services: ServicesDependency
) -> RecoveryRead:
    """Resume a paused recovery."""
    return RecoveryRead.of(
        await services.recoveries.switch(
            tenant_id, recovery_id.endpoint_id, recovery_id.run_id, Update.RESUME
        )
    )


@router.post("/recoveries/{recovery_id}/cancel", responses=NOT_FOUND_OR_CONFLICT)
async def cancel_recovery(
    tenant_id: Name, recovery_id: RecoveryIdDependency, services: ServicesDependency
) -> RecoveryRead:
    """Cancel a recovery. Deliveries that it has started continue."""
    return RecoveryRead.of(
        await services.recoveries.cancel(tenant_id, recovery_id.endpoint_id, recovery_id.run_id)
    )
