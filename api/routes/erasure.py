"""The route that erases what an event held."""

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

MORE = "more of its deliveries: repeat the call until `complete`"
FOR_A_MINUTE = "what ended within the last minute: it can be read for up to a minute more"
ELSEWHERE = [
    "backups of Temporal's database, and its archive if you have one",
    "ids and event types in logs",
    "what receivers were sent",
]


class ErasureRead(BaseModel):
    """What was deleted from Temporal, and what remains. The event's id is free again."""

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
    """Erase an event with its deliveries: their bodies, and all attempts. Says what remains.

    Read afterwards, it is a 404; what ended within the last minute lingers for up to a minute. With
    `force`, a scheduled event is cancelled and pending deliveries are ended; an attempt that is
    under way may still arrive.
    """
    erased = await services.erasure.erase(tenant_id, event_id, force=force)
    more = [] if erased.complete else [MORE]
    lingering = [] if erased.gone else [FOR_A_MINUTE]
    return ErasureRead(
        event_id=event_id,
        executions_deleted=erased.deleted,
        complete=erased.complete,
        remains=more + lingering + ELSEWHERE,
    )
