"""Routes that publish, list, read and cancel events."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.access import DeliveryBudget, Hops, ServicesDependency
from api.http import BODY_ERRORS, Cursor, Limit, Page, invalid, responses, unavailability
from api.routes.deliveries import DeliveryRead
from api.routes.parameters import AnswerBy, IdempotencyKey
from api.routes.strict_route import StrictRoute
from api.services.event_views import EventFanOut, EventFilter, FanOutState, Published
from hookwright.ids import EventType, Name, id_from_key, new_event_id
from hookwright.models import Channels, EventData, EventInput, OrderingKey
from hookwright.times import Timestamp, WrittenMoment

router = APIRouter(
    prefix="/v1/tenants/{tenant_id}/events", tags=["events"], route_class=StrictRoute
)


class EventPublishRequest(BaseModel):
    """An event to publish. With an `id` the request is safe to repeat; by default one is made."""

    model_config = ConfigDict(extra="forbid")

    id: Name | None = None
    type: EventType
    data: EventData
    extra: dict[Name, EventData] = {}
    endpoint_id: Name | None = None
    channels: Channels = []
    ordering_key: OrderingKey | None = None
    deliver_at: WrittenMoment | None = Field(
        default=None,
        description="At most 365 days in the future. A time in the past means now.",
    )

    def event(
        self, tenant_id: str, idempotency_key: str | None = None, hops: int = 0
    ) -> EventInput:
        """Return the event, created now, to which so many webhooks of ours led.

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
            ordering_key=self.ordering_key,
            deliver_at=self.deliver_at,
            created_at=datetime.now(UTC),
            hops=hops,
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
    ordering_key: str | None = None
    created_at: Timestamp | None
    deliver_at: Timestamp | None
    fan_out: FanOutState


class EventWithDeliveriesRead(EventRead):
    """An event with its deliveries. They are not listed while `fan_out` is running."""

    deliveries: list[DeliveryRead]


@contextmanager
def naming_the_event(event_id: str) -> Iterator[None]:
    """Name the event's id in a 503: without it a caller that gave no id could not repeat safely."""
    try:
        yield
    except Exception as error:
        problem = unavailability(error)
        if problem is None:
            raise
        problem.event_id = event_id
        problem.detail = f"{problem.detail} (the event's id is {event_id})"
        raise problem from error


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def publish_event(  # noqa: PLR0913 - one parameter for each part of the request
    tenant_id: Name,
    body: EventPublishRequest,
    services: ServicesDependency,
    hops: Hops,
    budget: DeliveryBudget,
    answer_by: AnswerBy,
    idempotency_key: IdempotencyKey = None,
) -> EventPublishRead:
    """Publish an event. 202 means that it is stored and goes to every endpoint that matches it.

    A 503 has the event's id as `event_id`: repeat the request with this `id`, and the event is
    published once, whether or not it was stored the first time.
    """
    event = body.event(tenant_id, idempotency_key, hops)
    with naming_the_event(event.id):
        async with asyncio.timeout_at(answer_by):
            published = await services.events.publish(event, None, budget, answer_by)
        return EventPublishRead.of(published)


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


def _event_read(event: EventFanOut) -> EventRead:
    return EventRead(**event.event.model_dump(exclude={"tenant_id"}), fan_out=event.fan_out)
