"""The deliveries of an event, from the routes of its tenant."""

from collections.abc import Sequence
from datetime import datetime

from hookwright.expressions import Verdicts, small_verdicts
from hookwright.models import DeliveryInput, EventInput, Route
from hookwright.routing.matching import filter_expressions, filter_verdict, is_addressed
from hookwright.webhook import event_document


def sole_delivery(
    routes: Sequence[Route], event: EventInput, accepted_at: datetime
) -> DeliveryInput | None:
    """Return the delivery of an event that goes to exactly one endpoint of its tenant.

    Return None if it goes to several or to none, or if the filters cost too much to say so here.
    """
    addressed = [route for route in routes if is_addressed(route, event)]
    if sum(route.filter is None for route in addressed) > 1:
        return None
    deliveries, complete = cheap_deliveries(addressed, event, accepted_at)
    return deliveries[0] if complete and len(deliveries) == 1 else None


def possible_deliveries(routes: Sequence[Route], event: EventInput, accepted_at: datetime) -> int:
    """Return how many deliveries an event has if every filter that costs much lets it pass."""
    addressed = [route for route in routes if is_addressed(route, event)]
    if not (expressions := filter_expressions(addressed)):
        return len(addressed)
    verdicts = small_verdicts(expressions, event_document(event, event.created_at or accepted_at))
    return sum(
        route.filter is None or verdicts.get(route.filter) is not False for route in addressed
    )


def ordered_routes(
    routes: Sequence[Route], event: EventInput, accepted_at: datetime
) -> list[Route]:
    """Return the routes with an order to which an event goes, or may go by a costly filter."""
    addressed = [route for route in routes if route.ordered and is_addressed(route, event)]
    document = event_document(event, event.created_at or accepted_at) if addressed else None
    verdicts = small_verdicts(filter_expressions(addressed), document)
    return [
        route for route in addressed if route.filter is None or verdicts.get(route.filter, True)
    ]


def cheap_deliveries(
    addressed: Sequence[Route], event: EventInput, accepted_at: datetime
) -> tuple[list[DeliveryInput], bool]:
    """Return the deliveries that can be told from filters that cost little, and whether all can."""
    document = event_document(event, event.created_at or accepted_at)
    verdicts = small_verdicts(filter_expressions(addressed), document)
    decided = [route for route in addressed if route.filter is None or route.filter in verdicts]
    return deliveries_of(decided, verdicts, event, accepted_at), len(decided) == len(addressed)


def deliveries_of(
    routes: Sequence[Route], verdicts: Verdicts, event: EventInput, accepted_at: datetime
) -> list[DeliveryInput]:
    """Return the deliveries to endpoints whose filter passes the event or costs too much.

    The event is addressed to these routes. `verdicts` has those of their filters.
    """
    passes = {route.endpoint_id: filter_verdict(route, verdicts) for route in routes}
    return [
        DeliveryInput(
            event=event,
            happened_at=event.created_at or accepted_at,
            accepted_at=accepted_at,
            endpoint_id=route.endpoint_id,
            endpoint_version=route.version,
            unfiltered=passes[route.endpoint_id] is None,
        )
        for route in routes
        if passes[route.endpoint_id] is not False
    ]
