"""Routes of event types: the catalogue."""

from http import HTTPStatus
from typing import Self

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, JsonValue

from api.access import ServicesDependency, require_operator
from api.http import BODY_ERRORS, Cursor, Limit, Page, responses
from api.routes.strict_route import StrictRoute
from api.services.event_types import KnownEventType
from hookwright.catalogue import EventTypeConfig, EventTypeFields, Schema
from hookwright.ids import EventType, Name
from hookwright.times import Timestamp

router = APIRouter(prefix="/v1/event-types", tags=["event types"], route_class=StrictRoute)
OPERATORS_ONLY = [Depends(require_operator)]


class EventTypeRead(BaseModel):
    """An event type. `contracts` name it in their tables; without times it stands only there."""

    name: EventType
    description: str
    json_schema: Schema | None
    example: JsonValue
    deprecated: bool
    contracts: list[Name]
    created_at: Timestamp | None
    updated_at: Timestamp | None

    @classmethod
    def of(cls, known: KnownEventType) -> Self:
        """Return the answer for an event type; a contract's description where there is no other."""
        if known.entry:
            return cls(**known.entry.model_dump(), contracts=list(known.contracts))
        return cls(
            **EventTypeFields(description=next(iter(known.contracts.values()))).model_dump(),
            name=known.name,
            contracts=list(known.contracts),
            created_at=None,
            updated_at=None,
        )


@router.get("", responses=responses())
async def list_event_types(
    services: ServicesDependency, limit: Limit = 50, cursor: Cursor = None
) -> Page[EventTypeRead]:
    """List the event types of the catalogue and of all contracts, by name."""
    page = await services.event_types.page(limit, cursor)
    return Page(data=list(map(EventTypeRead.of, page.data)), next_cursor=page.next_cursor)


@router.get("/{name}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_event_type(name: EventType, services: ServicesDependency) -> EventTypeRead:
    """Read an event type."""
    return EventTypeRead.of(await services.event_types.get(name))


@router.put(
    "/{name}",
    dependencies=OPERATORS_ONLY,
    responses={
        **responses(*BODY_ERRORS, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
        201: {"model": EventTypeRead},
    },
)
async def put_event_type(
    name: EventType, config: EventTypeConfig, services: ServicesDependency, response: Response
) -> EventTypeRead:
    """Enter an event type, or change it. What is left out returns to its default.

    Publishes are checked by it within 5 seconds, in tenants with `event_type_checks`.
    """
    known, created = await services.event_types.put(name, EventTypeFields(**config.model_dump()))
    response.status_code = HTTPStatus.CREATED if created else HTTPStatus.OK
    return EventTypeRead.of(known)


@router.delete(
    "/{name}",
    dependencies=OPERATORS_ONLY,
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_event_type(name: EventType, services: ServicesDependency) -> None:
    """Take an event type out of the catalogue. A contract's own table stays as it is."""
    await services.event_types.delete(name)
