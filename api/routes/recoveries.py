"""Routes of recoveries: send an endpoint what it has not had."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.access import ServicesDependency
from api.http import BODY_ERRORS, conflict, invalid, responses
from api.routes.strict_route import StrictRoute
from api.services.recoveries import RecoveryDetails, RecoveryState
from hookwright.ids import Name
from hookwright.models import MAX_PER_SECOND, RecoveryInput, RecoverySelection
from hookwright.temporal import Update
from hookwright.times import Timestamp, WrittenMoment

router = APIRouter(prefix="/v1/tenants/{tenant_id}", tags=["recoveries"], route_class=StrictRoute)

RecoveryId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}:[0-9a-f-]{36}$")]
ENDS = responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


class RecoverRequest(BaseModel):
    """What to recover: `failed` deliveries, or events that are `missing`; and how fast.

    What began, or was due, from `since` on and before `until` (now, if left out). Of what is older
    than the retention less an hour nobody knows what is missing: that is passed over. Without
    `rate_per_second` the endpoint's `drain_per_second` is the rate.
    """

    model_config = ConfigDict(extra="forbid")

    since: WrittenMoment
    until: WrittenMoment | None = None
    status: RecoverySelection
    rate_per_second: float | None = Field(
        default=None, ge=0.1, le=MAX_PER_SECOND, allow_inf_nan=False
    )


class RecoveryRead(BaseModel):
    """A recovery. Of `total`, `done` were looked at; null while they are being counted.

    `delivered`, `failed` and `pending` are the deliveries that it started, and go on to change when
    it is completed; null while Temporal's visibility is too busy to count. What needed nothing
    (delivered meanwhile, not wanted) is only in `done`. `unreadable` ones, whose encryption key is
    missing, were passed over.
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
        """Return the answer for a recovery."""
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
    tenant_id: Name, endpoint_id: Name, body: RecoverRequest, services: ServicesDependency
) -> RecoveryRead:
    """Send an endpoint all that it has not had, oldest first; what was delivered is left alone.

    An endpoint has one recovery at a time: the same request again joins it, another is refused.
    """
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    if endpoint.health.gone:
        raise conflict("the endpoint has answered 410 Gone; resume it first")
    now = datetime.now(UTC)
    until = min(body.until or now, now)
    if body.since >= until:
        raise invalid(("body", "since"), "must be before `until`, and in the past")
    drain = endpoint.active_config.drain_per_second
    request = RecoveryInput(
        tenant_id=tenant_id,
        endpoint_id=endpoint_id,
        status=body.status,
        since=body.since,
        until=until,
        per_second=body.rate_per_second or min(drain, MAX_PER_SECOND),
    )
    begun = await services.recoveries.begin(request, until_now=body.until is None)
    return RecoveryRead.of(begun)


@router.get("/recoveries/{recovery_id}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_recovery(
    tenant_id: Name, recovery_id: RecoveryId, services: ServicesDependency
) -> RecoveryRead:
    """Read a recovery and how far it has come."""
    return RecoveryRead.of(await services.recoveries.get(tenant_id, *recovery_id.split(":")))


@router.post("/recoveries/{recovery_id}/pause", responses=ENDS)
async def pause_recovery(
    tenant_id: Name, recovery_id: RecoveryId, services: ServicesDependency
) -> RecoveryRead:
    """Halt a recovery until it is resumed. Deliveries that it started go on."""
    endpoint_id, run_id = recovery_id.split(":")
    return RecoveryRead.of(
        await services.recoveries.switch(tenant_id, endpoint_id, run_id, Update.PAUSE)
    )


@router.post("/recoveries/{recovery_id}/resume", responses=ENDS)
async def resume_recovery(
    tenant_id: Name, recovery_id: RecoveryId, services: ServicesDependency
) -> RecoveryRead:
    """Go on with a recovery that is paused."""
    endpoint_id, run_id = recovery_id.split(":")
    return RecoveryRead.of(
        await services.recoveries.switch(tenant_id, endpoint_id, run_id, Update.RESUME)
    )


@router.post("/recoveries/{recovery_id}/cancel", responses=ENDS)
async def cancel_recovery(
    tenant_id: Name, recovery_id: RecoveryId, services: ServicesDependency
) -> RecoveryRead:
    """End a recovery. Deliveries that it started go on."""
    return RecoveryRead.of(await services.recoveries.cancel(tenant_id, *recovery_id.split(":")))
