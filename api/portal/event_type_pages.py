"""Pages of the event types that a tenant may be sent: those of its contract alone."""

from fastapi import APIRouter, Request, Response

from api.access import ServicesDependency
from api.portal.portal_route import PortalRoute
from api.portal.rendering import page
from api.portal.session import PortalSession, TenantSession
from api.routes.event_types import EventTypeRead
from hookwright.contracts import DEFAULT_CONTRACT
from hookwright.ids import EventType

PAGE_SIZE = 100

router = APIRouter(prefix="/portal/event-types", include_in_schema=False, route_class=PortalRoute)


@router.get("")
async def list_event_types(
    request: Request,
    session: TenantSession,
    services: ServicesDependency,
    q: str = "",
    after: str = "",
) -> Response:
    """Show the event types whose name or description has the words that are searched for."""
    known = list(map(EventTypeRead.of, await services.event_types.of_contract(_contract(session))))
    found = [each for each in known if _has_words(each, q)]
    later = [each for each in found if each.name > after]
    shown = later[:PAGE_SIZE]
    return page(
        request,
        "event_types.html",
        event_types=shown,
        number=len(found),
        is_empty=not known,
        q=q,
        after=shown[-1].name if len(later) > len(shown) else None,
    )


@router.get("/{name:path}")
async def show_event_type(
    request: Request, name: EventType, session: TenantSession, services: ServicesDependency
) -> Response:
    """Show one event type with its schema and its example."""
    found = await services.event_types.get(name, _contract(session))
    return page(request, "event_type.html", event_type=EventTypeRead.of(found))


def _contract(session: PortalSession) -> str:
    return (session.tenant and session.tenant.contract) or DEFAULT_CONTRACT


def _has_words(event_type: EventTypeRead, q: str) -> bool:
    text = f"{event_type.name} {event_type.description}".casefold()
    return all(word in text for word in q.casefold().split())
