"""The route that erases an event and its deliveries."""

from http import HTTPStatus

from fastapi import APIRouter
from pydantic import BaseModel

from api.access import ServicesDependency
from api.http import responses
from api.routes.strict_route import StrictRoute
from hookwright.ids import Name

router = APIRouter(
    prefix="/v1/tenants/{tenant_id}/events", tags=["events"], route_class=StrictRoute
)

MORE_DELIVERIES = "more of its deliveries: repeat the call until `complete` is true"
JUST_ENDED = "deliveries that ended within the last minute: they can be read for another minute"
OUTSIDE_TEMPORAL = [
    "backups of Temporal's database, and its archive if you have one",
    "ids and event types in logs",
    "webhooks that receivers have already got",
]


class ErasureRead(BaseModel):
    """The deleted data, and what remains. The event's id can be used again."""

    event_id: Name
    executions_deleted: int
    complete: bool
    remains: list[str]


@router.delete(
    "/{event_id}/content", responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
)
async def erase_event(
    tenant_id: Name, event_id: Name, services: ServicesDependency, *, force: bool = False
) -> ErasureRead:
    """Erase an event with its deliveries, their bodies and all attempts.

    The answer lists what remains. Afterwards, reading the event gives a 404; data that ended within
    the last minute can still be read for up to a minute. With `force`, a scheduled event is
    cancelled and pending deliveries are ended; an attempt that is in progress may still arrive.
    """
    erased = await services.erasure.erase(tenant_id, event_id, force=force)
    more_deliveries = [] if erased.complete else [MORE_DELIVERIES]
    just_ended = [] if erased.gone else [JUST_ENDED]
    return ErasureRead(
        event_id=event_id,
        executions_deleted=erased.deleted,
        complete=erased.complete,
        remains=more_deliveries + just_ended + OUTSIDE_TEMPORAL,
    )
