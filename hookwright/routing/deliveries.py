"""The deliveries of an event, from the routes of its tenant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Self

from hookwright.expressions import Verdicts, small_verdicts
from hookwright.models import DeliveryInput, EventInput, Route
from hookwright.routing.matching import filter_expressions, filter_verdict, is_addressed
from hookwright.webhook import event_document


@dataclass(frozen=True)
class Matches:
    """An event, and the routes that it is addressed to.

    Filters that cost little are evaluated once, when somebody asks for what depends on them.
    """

    event: EventInput
    accepted_at: datetime
    addressed: Sequence[Route]

    @classmethod
    def of(cls, routes: Sequence[Route], event: EventInput, accepted_at: datetime) -> Self:
        """Match an event with all routes of its tenant."""
        return cls(event, accepted_at, [it for it in routes if is_addressed(it, event)])

    def sole_delivery(self) -> DeliveryInput | None:
        """Return the delivery of an event that goes to exactly one endpoint of its tenant.

        Return None if it goes to several or to none, or if the filters cost too much to say so.
        """
        if sum(route.filter is None for route in self.addressed) > 1:
            return None
        deliveries, are_all = self.cheap_deliveries(1)
        return deliveries[0] if are_all and deliveries else None

    def cheap_deliveries(self, most: int) -> tuple[list[DeliveryInput], bool]:
        """Return the first deliveries that filters which cost little tell, and whether it is all.

        It is not, if there are more of these, or may be more behind filters that cost much.
        """
        wanted = [route for route in self.possible if self._passes(route)]
        deliveries = deliveries_of(wanted[:most], self._verdicts, self.event, self.accepted_at)
        return deliveries, len(deliveries) == len(self.possible)

    @cached_property
    def possible(self) -> list[Route]:
        """The routes that the event takes if every filter that costs much lets it pass."""
        return [route for route in self.addressed if self._passes(route) is not False]

    @property
    def ordered(self) -> list[Route]:
        """Those of the possible routes that have an order."""
        if not any(route.ordered for route in self.addressed):
            return []
        return [route for route in self.possible if route.ordered]

    def _passes(self, route: Route) -> bool | None:
        return True if route.filter is None else self._verdicts.get(route.filter)

    @cached_property
    def _verdicts(self) -> Verdicts:
        document = event_document(self.event, self.event.created_at or self.accepted_at)
        # Those with an order first: a place in a queue for nothing makes others wait for a second.
        ordered_first = sorted(self.addressed, key=lambda route: not route.ordered)
        return small_verdicts(filter_expressions(ordered_first), document)


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
