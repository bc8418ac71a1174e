"""The route that publishes a batch of events."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from cachetools import TTLCache
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import to_json
from temporalio.service import RPCError

from api.access import DeliveryBudget, Hops, ServicesDependency, app_state, count_call
from api.config import ApiConfig
from api.http import (
    BODY_ERRORS,
    Problem,
    ProblemBody,
    invalid_model,
    responses,
    unavailable,
)
from api.routes.events import EventPublishRead, EventPublishRequest, naming_the_event
from api.routes.parameters import IdempotencyKey
from api.routes.strict_route import (
    ANSWER_SECONDS,
    SEND_REFERENCE,
    StrictRoute,
    body_too_large,
)
from api.services import Services
from api.services.events import Spend
from api.services.tenants import TenantAtPublish, TenantService
from hookwright.ids import Name
from hookwright.models import EventInput
from hookwright.sizes import MIB

MAX_BATCH = 100

MAX_BATCH_BYTES = 4 * MIB
"""The largest batch. A hundred events of the largest size would be 25 MiB by default, which is more
than an API process should hold and parse for one caller while others wait."""

REREAD_SECONDS = 1.0
"""After this time a batch reads its tenant again. If Temporal is slow, a batch lasts for long,
and what it read first may be gone: the endpoint or the tenant was deleted and erased."""

BATCH_SECONDS = 20.0
"""After this time no further event of a batch is tried: what was stored must be told before the
caller, or a proxy in between, stops waiting."""

NOT_TRIED = "not tried, because an earlier one was not taken, or all took too long; repeat it"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class BatchTenant:
    """The tenant of a batch, read once for the events of REREAD_SECONDS."""

    tenants: TenantService
    tenant_id: str
    _recent: TTLCache[str, TenantAtPublish] = field(
        default_factory=lambda: TTLCache(1, REREAD_SECONDS), init=False
    )

    async def current(self) -> TenantAtPublish:
        """Return the tenant as it was at most REREAD_SECONDS ago.

        Raises:
            Problem: 404.
        """
        recent = self._recent.get(self.tenant_id)
        if recent is None:
            recent = self._recent[self.tenant_id] = await self.tenants.at_publish(self.tenant_id)
        return recent


class BatchRoute(StrictRoute):
    """A route whose body holds up to MAX_BATCH bodies of a publish."""

    body_remedy = "send fewer events in a batch"

    @staticmethod
    def max_body_bytes(config: ApiConfig) -> int:
        """Return the largest batch."""
        return min(MAX_BATCH * config.max_body_bytes, MAX_BATCH_BYTES)


router = APIRouter(prefix="/v1/tenants/{tenant_id}/events", tags=["events"], route_class=BatchRoute)


class BatchPublishRequest(BaseModel):
    """Up to 100 events to publish. Each has the form of a single publish."""

    model_config = ConfigDict(extra="forbid")

    events: list[JsonValue] = Field(min_length=1, max_length=MAX_BATCH)


class BatchItemRead(BaseModel):
    """The result of one event: `status` 202 with `event`, or the status of an `error`."""

    status: int
    event: EventPublishRead | None
    error: ProblemBody | None


class BatchPublishRead(BaseModel):
    """The results of a batch, in the order of its events."""

    results: list[BatchItemRead]


def _batch_responses() -> dict[int | str, dict[str, Any]]:
    """Return the errors of the route. Two of them may be results: none of the events was taken."""
    found = responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND)
    for status in (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE):
        found[int(status)]["model"] = BatchPublishRead
    mixed = {"model": BatchPublishRead, "description": "Some events were accepted, others not."}
    return {**found, int(HTTPStatus.MULTI_STATUS): mixed}


@router.post("/batch", status_code=HTTPStatus.ACCEPTED, responses=_batch_responses())
async def publish_batch(  # noqa: PLR0913 - one parameter for each part of the request
    tenant_id: Name,
    body: BatchPublishRequest,
    services: ServicesDependency,
    request: Request,
    response: Response,
    hops: Hops,
    budget: DeliveryBudget,
    idempotency_key: IdempotencyKey = None,
) -> BatchPublishRead:
    """Publish up to 100 events. Each one is accepted or refused independently of the others.

    202 means that all events are stored, 207 that some are, 422 that none is. 503 means that none
    is known to be stored, and that at least one of them was not taken in time. If some can be
    repeated, `Retry-After` says when.

    With an `Idempotency-Key`, the ids of events without an `id` are derived from the key and the
    event's place in the batch, so the same batch can be repeated.
    """
    if further_events := len(body.events) - 1:
        await count_call(request, further_events)
    tenant = BatchTenant(services.tenants, tenant_id)
    await tenant.current()  # a tenant that does not exist is a 404 of the whole batch
    max_bytes = app_state(request).config.max_body_bytes
    results: list[BatchItemRead] = []
    retry_after_seconds = 0
    clock = asyncio.get_running_loop().time
    began = clock()
    for index, item in enumerate(body.events):
        key = f"{idempotency_key}\n{index}" if idempotency_key else None
        # To wait again for each of the other events would take longer than callers wait for an
        # answer.
        failed = any(each.status == HTTPStatus.SERVICE_UNAVAILABLE for each in results)
        give_up = failed or clock() - began > BATCH_SECONDS
        try:
            event = _event(tenant_id, item, key, max_bytes, hops)
            published = await _publish(event, tenant, services, budget, give_up=give_up)
            results.append(BatchItemRead(status=HTTPStatus.ACCEPTED, event=published, error=None))
        except Problem as problem:
            error = problem.body()
            results.append(BatchItemRead(status=problem.status_code, event=None, error=error))
            wanted = int((problem.headers or {}).get("Retry-After", 0))
            retry_after_seconds = max(retry_after_seconds, wanted)
    response.status_code = _status_of({each.status for each in results})
    if retry_after_seconds:
        response.headers["Retry-After"] = str(retry_after_seconds)
    return BatchPublishRead(results=results)


def _event(
    tenant_id: str, item: JsonValue, key: str | None, max_bytes: int, hops: int
) -> EventInput:
    """Return the event of an item. Its own id counts more than one derived from the batch's key.

    Raises:
        Problem: 413, or 422.
    """
    if len(to_json(item)) > max_bytes:
        raise body_too_large(max_bytes, SEND_REFERENCE)
    try:
        request = EventPublishRequest.model_validate(item)
    except ValidationError as error:
        raise invalid_model(error) from None
    return request.event(tenant_id, None if request.id else key, hops)


async def _publish(
    event: EventInput,
    tenant: BatchTenant,
    services: Services,
    budget: Spend | None,
    *,
    give_up: bool,
) -> EventPublishRead:
    with naming_the_event(event.id):
        if give_up:
            raise unavailable(NOT_TRIED)
        try:
            until = asyncio.get_running_loop().time() + ANSWER_SECONDS
            async with asyncio.timeout_at(until):
                known = await tenant.current()
                published = await services.events.publish(event, known, budget, until)
            return EventPublishRead.of(published)
        except RPCError as error:
            # Whatever the reason, the results of the events before this one must be told.
            log.warning("batch.refused_by_temporal", status=error.status.name)
            raise unavailable("Temporal did not take it; repeat with the same id") from error


def _status_of(statuses: Collection[int]) -> HTTPStatus:
    """Return the status of the whole answer, for callers that look at nothing else."""
    if HTTPStatus.ACCEPTED in statuses:
        return HTTPStatus.ACCEPTED if len(statuses) == 1 else HTTPStatus.MULTI_STATUS
    if HTTPStatus.SERVICE_UNAVAILABLE in statuses:
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.UNPROCESSABLE_ENTITY
