"""Routes of events: publish, and see what became of it."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from temporalio.service import RPCError

from api.access import ServicesDependency, count
from api.http import (
    BODY_ERRORS,
    Cursor,
    Limit,
    Page,
    Problem,
    ProblemBody,
    invalid,
    invalid_model,
    responses,
    unavailable,
)
from api.routes.deliveries import DeliveryRead
from api.routes.strict_route import StrictRoute
from api.services.event_views import EventFanOut, EventFilter, FanOutState, Published
from hookwright.ids import EventType, Name, id_from_key, new_event_id
from hookwright.models import Channels, EventData, EventInput
from hookwright.times import Moment, Timestamp, WrittenMoment

router = APIRouter(
    prefix="/v1/tenants/{tenant_id}/events", tags=["events"], route_class=StrictRoute
)
MAX_BATCH = 100

IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=255, description="Instead of an `id` in the body."),
]


class EventPublishRequest(BaseModel):
    """An event to publish. The `id` makes a repeat safe; without one, one is made."""

    model_config = ConfigDict(extra="forbid")

    id: Name | None = None
    type: EventType
    data: EventData
    extra: dict[Name, EventData] = {}
    endpoint_id: Name | None = None
    channels: Channels = []
    deliver_at: Moment | None = Field(
        default=None, description="At most 365 days ahead; a past time is now."
    )

    def event(self, tenant_id: str, idempotency_key: str | None = None) -> EventInput:
        """Return the event, happening now."""
        if self.id and idempotency_key:
            raise invalid(
                ("header", "idempotency-key"), "the event's id is its key already; give either"
            )
        from_key = idempotency_key and id_from_key("evt", tenant_id, idempotency_key)
        return EventInput(
            tenant_id=tenant_id,
            id=self.id or from_key or new_event_id(),
            type=self.type,
            data=self.data,
            extra=self.extra,
            endpoint_id=self.endpoint_id,
            channels=self.channels,
            deliver_at=self.deliver_at,
            created_at=datetime.now(UTC),
        )


class EventPublished(BaseModel):
    """The answer to a publish: the event is stored. `duplicate`: it was already.

    `warnings` name what receivers may stumble over.
    """

    id: Name
    type: EventType
    created_at: Timestamp | None
    deliver_at: Timestamp | None
    duplicate: bool
    warnings: list[str]

    @classmethod
    def of(cls, published: Published) -> Self:
        """Return the answer."""
        event = published.event
        return cls(
            id=event.id,
            type=event.type,
            created_at=event.created_at,
            deliver_at=event.deliver_at,
            duplicate=published.duplicate,
            warnings=published.warnings,
        )


class BatchPublishRequest(BaseModel):
    """Up to 100 events, each as in a single publish."""

    model_config = ConfigDict(extra="forbid")

    events: list[JsonValue] = Field(min_length=1, max_length=MAX_BATCH)


class BatchResult(BaseModel):
    """One event's fate: `status` 202 with `event`, or an error's status with `error`."""

    status: int
    event: EventPublished | None
    error: ProblemBody | None


class BatchResults(BaseModel):
    """The results, in the order of the events."""

    results: list[BatchResult]


class EventRead(BaseModel):
    """An event as it was published, and how far it has come: `scheduled` until it is due."""

    id: Name
    type: EventType
    data: JsonValue
    extra: dict[str, JsonValue]
    endpoint_id: Name | None
    channels: list[str]
    created_at: Timestamp | None
    deliver_at: Timestamp | None
    fan_out: FanOutState


class EventWithDeliveriesRead(EventRead):
    """An event and its deliveries. While `fan_out` is running they are not listed yet."""

    deliveries: list[DeliveryRead]


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def publish_event(
    tenant_id: Name,
    body: EventPublishRequest,
    services: ServicesDependency,
    idempotency_key: IdempotencyKey = None,
) -> EventPublished:
    """Publish an event. 202 means stored: it will be delivered to every endpoint that wants it."""
    return EventPublished.of(await services.events.publish(body.event(tenant_id, idempotency_key)))


@router.post(
    "/batch",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND),
)
async def publish_batch(
    tenant_id: Name, body: BatchPublishRequest, services: ServicesDependency, request: Request
) -> BatchResults:
    """Publish up to 100 events, each accepted or refused by itself."""
    if more := len(body.events) - 1:
        await count(request, more)
    await services.tenants.known(tenant_id)
    results: list[BatchResult] = []
    for item in body.events:
        if results and results[-1].status == HTTPStatus.SERVICE_UNAVAILABLE:
            # Waiting for Temporal once more for each of the rest would outlast the caller.
            results.append(results[-1])
        else:
            results.append(await _publish_one(tenant_id, item, services))
    return BatchResults(results=results)


@router.get("", responses=responses(HTTPStatus.NOT_FOUND))
async def list_events(  # noqa: PLR0913 - one parameter a filter
    tenant_id: Name,
    services: ServicesDependency,
    event_type: Annotated[EventType | None, Query(alias="type")] = None,
    since: WrittenMoment | None = None,
    until: WrittenMoment | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EventRead]:
    """List a tenant's events, those published last first, scheduled ones among them.

    An event shows up within a second of its publish. Cursors lead through all that there were at
    the first page, each once. A page may be shorter than `limit`; the last is the one without
    `next_cursor`.
    """
    page = await services.events.page(
        tenant_id, EventFilter(event_type, since, until), limit, cursor
    )
    return Page(data=list(map(_read, page.data)), next_cursor=page.next_cursor)


@router.get("/{event_id}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_event(
    tenant_id: Name, event_id: Name, services: ServicesDependency
) -> EventWithDeliveriesRead:
    """Read an event with its deliveries. Those of a recovery are in the log of deliveries."""
    found = await services.events.get(tenant_id, event_id)
    return EventWithDeliveriesRead(
        **_read(found).model_dump(), deliveries=list(map(DeliveryRead.of, found.deliveries))
    )


@router.post("/{event_id}/cancel", responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
async def cancel_event(tenant_id: Name, event_id: Name, services: ServicesDependency) -> EventRead:
    """Cancel a scheduled event. Its id stays taken."""
    return _read(await services.events.cancel(tenant_id, event_id))


async def _publish_one(
    tenant_id: str, item: JsonValue, services: ServicesDependency
) -> BatchResult:
    try:
        event = EventPublishRequest.model_validate(item).event(tenant_id)
        published = EventPublished.of(await services.events.publish(event))
    except ValidationError as error:
        problem = invalid_model(error)
    except Problem as error:
        problem = error
    except (RPCError, TimeoutError):
        problem = unavailable("Temporal did not take this event in time; repeat it, with its id")
    else:
        return BatchResult(status=HTTPStatus.ACCEPTED, event=published, error=None)
    return BatchResult(status=problem.status_code, event=None, error=problem.body())


def _read(found: EventFanOut) -> EventRead:
    return EventRead(**found.event.model_dump(exclude={"tenant_id"}), fan_out=found.fan_out)
