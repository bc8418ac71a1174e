"""Routes that publish, list, read and cancel events."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from temporalio.service import RPCError

from api.access import ServicesDependency, count_call
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
from api.routes.parameters import IdempotencyKey
from api.routes.strict_route import StrictRoute
from api.services.event_views import EventFanOut, EventFilter, FanOutState, Published
from hookwright.ids import EventType, Name, id_from_key, new_event_id
from hookwright.models import Channels, EventData, EventInput
from hookwright.times import Moment, Timestamp, WrittenMoment

router = APIRouter(
    prefix="/v1/tenants/{tenant_id}/events", tags=["events"], route_class=StrictRoute
)
MAX_BATCH = 100


class EventPublishRequest(BaseModel):
    """An event to publish. With an `id` the request is safe to repeat; by default one is made."""

    model_config = ConfigDict(extra="forbid")

    id: Name | None = None
    type: EventType
    data: EventData
    extra: dict[Name, EventData] = {}
    endpoint_id: Name | None = None
    channels: Channels = []
    deliver_at: Moment | None = Field(
        default=None,
        description="At most 365 days in the future. A time in the past means now.",
    )

    def event(self, tenant_id: str, idempotency_key: str | None = None) -> EventInput:
        """Return the event, created now.

        Raises:
            Problem: 422, the body has an id although the request has an idempotency key.
        """
        if self.id and idempotency_key:
            raise invalid(
                ("header", "idempotency-key"), "give either this header or the event's `id`"
            )
        derived_id = idempotency_key and id_from_key("evt", tenant_id, idempotency_key)
        return EventInput(
            tenant_id=tenant_id,
            id=self.id or derived_id or new_event_id(),
            type=self.type,
            data=self.data,
            extra=self.extra,
            endpoint_id=self.endpoint_id,
            channels=self.channels,
            deliver_at=self.deliver_at,
            created_at=datetime.now(UTC),
        )


class EventPublishRead(BaseModel):
    """A published event. It is stored. With `duplicate`, it was already stored before.

    `warnings` name parts of the event that receivers may not handle correctly.
    """

    id: Name
    type: EventType
    created_at: Timestamp | None
    deliver_at: Timestamp | None
    duplicate: bool
    warnings: list[str]

    @classmethod
    def of(cls, published: Published) -> Self:
        """Return a published event as the API answers it."""
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


class EventRead(BaseModel):
    """An event as it was published.

    `fan_out` is the state of its distribution to endpoints. It is `scheduled` until the event is
    due.
    """

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
    """An event with its deliveries. They are not listed while `fan_out` is running."""

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
) -> EventPublishRead:
    """Publish an event. 202 means that it is stored and goes to every endpoint that matches it."""
    return EventPublishRead.of(
        await services.events.publish(body.event(tenant_id, idempotency_key))
    )


@router.post(
    "/batch",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND),
)
async def publish_batch(
    tenant_id: Name, body: BatchPublishRequest, services: ServicesDependency, request: Request
) -> BatchPublishRead:
    """Publish up to 100 events. Each one is accepted or refused independently of the others."""
    if further_events := len(body.events) - 1:
        await count_call(request, further_events)
    await services.tenants.known(tenant_id)
    results: list[BatchItemRead] = []
    for item in body.events:
        if results and results[-1].status == HTTPStatus.SERVICE_UNAVAILABLE:
            # To wait for Temporal again for each of the other events would take longer than callers
            # wait for an answer.
            results.append(results[-1])
        else:
            results.append(await _publish_one(tenant_id, item, services))
    return BatchPublishRead(results=results)


@router.get("", responses=responses(HTTPStatus.NOT_FOUND))
async def list_events(  # noqa: PLR0913 - one parameter for each filter
    tenant_id: Name,
    services: ServicesDependency,
    event_type: Annotated[EventType | None, Query(alias="type")] = None,
    since: WrittenMoment | None = None,
    until: WrittenMoment | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EventRead]:
    """List a tenant's events, also scheduled ones. The last published comes first.

    An event is listed within a second of its publish. Events that existed when the first page was
    read are listed exactly once. A page may have fewer than `limit` rows; the last page has no
    `next_cursor`.
    """
    page = await services.events.page(
        tenant_id, EventFilter(event_type, since, until), limit, cursor
    )
    return Page(data=list(map(_event_read, page.data)), next_cursor=page.next_cursor)


@router.get("/{event_id}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_event(
    tenant_id: Name, event_id: Name, services: ServicesDependency
) -> EventWithDeliveriesRead:
    """Read an event with its deliveries. List deliveries to see those that a recovery started."""
    event = await services.events.get(tenant_id, event_id)
    return EventWithDeliveriesRead(
        **_event_read(event).model_dump(), deliveries=list(map(DeliveryRead.of, event.deliveries))
    )


@router.post("/{event_id}/cancel", responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
async def cancel_event(tenant_id: Name, event_id: Name, services: ServicesDependency) -> EventRead:
    """Cancel a scheduled event. Its id cannot be used again."""
    return _event_read(await services.events.cancel(tenant_id, event_id))


async def _publish_one(
    tenant_id: str, item: JsonValue, services: ServicesDependency
) -> BatchItemRead:
    try:
        event = EventPublishRequest.model_validate(item).event(tenant_id)
        published = EventPublishRead.of(await services.events.publish(event))
    except ValidationError as error:
        problem = invalid_model(error)
    except Problem as error:
        problem = error
    except (RPCError, TimeoutError):
        problem = unavailable("Temporal did not answer in time; repeat this event with the same id")
    else:
        return BatchItemRead(status=HTTPStatus.ACCEPTED, event=published, error=None)
    return BatchItemRead(status=problem.status_code, event=None, error=problem.body())


def _event_read(event: EventFanOut) -> EventRead:
    return EventRead(**event.event.model_dump(exclude={"tenant_id"}), fan_out=event.fan_out)
