"""Matching: whether an endpoint gets an event, and why."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hookwright.expressions import Evaluator, Verdicts, is_true
from hookwright.models import EventInput, Route
from hookwright.subscription import wants_channels, wants_operational_type, wants_type

MAX_SHOWN_CHARACTERS = 200
"""How much of a filter's value the explanation shows."""


@dataclass(frozen=True)
class Reason:
    """The result of one check of an event against an endpoint's route; `detail` explains it."""

    check: str
    passes: bool
    detail: str


def is_addressed(route: Route, event: EventInput) -> bool:
    """Return whether an event passes all checks of a route except its filter."""
    for check in CHECKS.values():  # noqa: SIM110 - a generator takes three times as long
        if not check(route, event):
            return False
    return True


def filter_expressions(routes: Iterable[Route]) -> list[str]:
    """Return the filters of these routes without repetitions: many endpoints share one."""
    return list(dict.fromkeys(route.filter for route in routes if route.filter is not None))


def filter_verdict(route: Route, verdicts: Verdicts) -> bool | None:
    """Return whether an event passes a route's filter, or None if evaluating it costs too much."""
    return True if route.filter is None else verdicts[route.filter]


async def explain(
    evaluator: Evaluator, tenant_id: str, route: Route, event: EventInput, document: object
) -> list[Reason]:
    """Return the result of every check. `document` is the event as filters see it."""
    details = {
        "endpoint_id": f"the event is for {event.endpoint_id or 'every endpoint'}",
        "event_types": f"the endpoint wants {_list(route.event_types)}; this is {event.type}",
        "channels": f"the endpoint listens to {_list(route.channels) or 'every channel'};"
        f" the event is on {_list(event.channels) or 'none'}",
    }
    return [
        *(Reason(name, check(route, event), details[name]) for name, check in CHECKS.items()),
        await _filter_reason(evaluator, tenant_id, route.filter, document),
    ]


CHECKS: Mapping[str, Callable[[Route, EventInput], bool]] = {
    "endpoint_id": lambda route, event: event.endpoint_id in (None, route.endpoint_id),
    "event_types": lambda route, event: (
        wants_operational_type if event.operational else wants_type
    )(route.event_types, event.type),
    "channels": lambda route, event: wants_channels(route.channels, event.channels),
}


async def _filter_reason(
    evaluator: Evaluator, tenant_id: str, expression: str | None, document: object
) -> Reason:
    if expression is None:
        return Reason("filter", passes=True, detail="the endpoint has no filter")
    try:
        value = await evaluator.value(tenant_id, expression, document)
    except ValueError as error:
        return Reason("filter", passes=False, detail=str(error))
    shown = json.dumps(value, ensure_ascii=False, default=str)
    if len(shown) > MAX_SHOWN_CHARACTERS:
        shown = shown[:MAX_SHOWN_CHARACTERS] + "..."
    detail = f"the filter yields {shown}"
    return Reason("filter", passes=is_true(value), detail=detail)


def _list(names: list[str]) -> str:
    return ", ".join(names)
