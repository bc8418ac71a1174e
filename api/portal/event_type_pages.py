"""Pages of the event types that a tenant may be sent: those of its contract alone."""

from fastapi import APIRouter, Request, Response

from api.access import ServicesDependency, app_state
from api.http import unavailable
from api.portal.portal_route import PortalRoute
from api.portal.rendering import page
from api.portal.session import PortalSession, TenantSession
from api.routes.event_types import EventTypeRead
from hookwright.contracts import UnknownContractError
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
    contract = _contract(request, session)
    known = list(map(EventTypeRead.of, await services.event_types.of_contract(contract)))
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
    found = await services.event_types.get(name, _contract(request, session))
    return page(request, "event_type.html", event_type=EventTypeRead.of(found))


def _contract(request: Request, session: PortalSession) -> str:
    """Return the name of the tenant's contract.

    Raises:
        Problem: 503, the contract is gone.
    """
    contracts = app_state(request).config.contracts
    try:
        return contracts.named(session.tenant.contract if session.tenant else None).name
    except UnknownContractError as error:
        raise unavailable(error.missing) from None


def _has_words(event_type: EventTypeRead, q: str) -> bool:
    text = f"{event_type.name} {event_type.description}".casefold()
    return all(word in text for word in q.casefold().split())
