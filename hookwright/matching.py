"""Whether an endpoint gets an event, and why."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hookwright.expressions import evaluate
from hookwright.models import EventInput, Route
from hookwright.subscription import names_type, passes_filter, wants_channels, wants_type

MAX_SHOWN = 200
"""Characters shown of a filter's value."""


@dataclass(frozen=True)
class Reason:
    """One check of an event against an endpoint's route, and what was compared."""

    check: str
    passes: bool
    detail: str


def matches(route: Route, event: EventInput, document: object) -> bool:
    """Tell whether a route's endpoint gets an event; `document` is what filters see of it."""
    return all(passes(route, event, document) for passes in CHECKS.values())


def reasons(route: Route, event: EventInput, document: object) -> list[Reason]:
    """Return every check with its outcome."""
    details = {
        "endpoint_id": f"the event is for {event.endpoint_id or 'every endpoint'}",
        "event_types": f"the endpoint wants {_list(route.event_types)}; this is {event.type}",
        "channels": f"the endpoint listens to {_list(route.channels) or 'every channel'};"
        f" the event is on {_list(event.channels) or 'none'}",
        "filter": _told(route.filter, document),
    }
    return [
        Reason(name, passes(route, event, document), details[name])
        for name, passes in CHECKS.items()
    ]


# The costly one last.
CHECKS: Mapping[str, Callable[[Route, EventInput, Any], bool]] = {
    "endpoint_id": lambda route, event, _: event.endpoint_id in (None, route.endpoint_id),
    "event_types": lambda route, event, _: (names_type if event.operational else wants_type)(
        route.event_types, event.type
    ),
    "channels": lambda route, event, _: wants_channels(route.channels, event.channels),
    "filter": lambda route, _, document: passes_filter(route.filter, document),
}


def _told(expression: str | None, document: object) -> str:
    if expression is None:
        return "the endpoint has no filter"
    try:
        value = evaluate(expression, document)
    except ValueError as error:
        return str(error)
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return f"the filter yields {shown[:MAX_SHOWN]}{'...' * (len(shown) > MAX_SHOWN)}"


def _list(names: list[str]) -> str:
    return ", ".join(names)
