"""Routes of the catalogue of event types."""

from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Query, Response
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


OfContract = Annotated[
    Name | None, Query(description="Only event types that this contract may send.")
]


class EventTypeRead(BaseModel):
    """An event type of the catalogue or of contracts.

    `contracts` lists the contracts whose tables have this type. The times are null if the type is
    only in contracts and not in the catalogue.
    """

    name: EventType
    description: str
    json_schema: Schema | None
    example: JsonValue
    deprecated: bool
    contracts: list[Name]
    created_at: Timestamp | None
    updated_at: Timestamp | None

    @classmethod
    def of(cls, event_type: KnownEventType) -> Self:
        """Return an event type as the API answers it.

        A type that is not in the catalogue has the description of a contract.
        """
        if event_type.entry:
            return cls(**event_type.entry.model_dump(), contracts=event_type.contracts)
        return cls(
            **EventTypeFields(description=event_type.description).model_dump(),
            name=event_type.name,
            contracts=event_type.contracts,
            created_at=None,
            updated_at=None,
        )


@router.get("", responses=responses())
async def list_event_types(
    services: ServicesDependency,
    contract: OfContract = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EventTypeRead]:
    """List the event types of the catalogue and of all contracts, by name.

    With `contract` only the types of its table are listed or, if it has no table, those of the
    catalogue that match its pattern.
    """
    page = await services.event_types.page(limit, cursor, contract)
    return Page(data=list(map(EventTypeRead.of, page.data)), next_cursor=page.next_cursor)


@router.get("/{name:path}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_event_type(
    name: EventType, services: ServicesDependency, contract: OfContract = None
) -> EventTypeRead:
    """Read an event type. With `contract`, a type that the contract does not have is a 404."""
    return EventTypeRead.of(await services.event_types.get(name, contract))


@router.put(
    "/{name:path}",
    dependencies=OPERATORS_ONLY,
    responses={
        **responses(*BODY_ERRORS, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
        201: {"model": EventTypeRead},
    },
)
async def put_event_type(
    name: EventType, config: EventTypeConfig, services: ServicesDependency, response: Response
) -> EventTypeRead:
    """Add an event type to the catalogue, or change it. Fields left out get their defaults.

    Within 5 seconds, publishes are checked against it in tenants with `event_type_checks`.
    """
    fields = EventTypeFields(**config.model_dump())
    event_type, created = await services.event_types.put(name, fields)
    response.status_code = HTTPStatus.CREATED if created else HTTPStatus.OK
    return EventTypeRead.of(event_type)


@router.delete(
    "/{name:path}",
    dependencies=OPERATORS_ONLY,
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_event_type(name: EventType, services: ServicesDependency) -> None:
    """Remove an event type from the catalogue. The tables of contracts do not change."""
    await services.event_types.delete(name)
