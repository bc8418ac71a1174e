"""Which events an endpoint wants."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import StringConstraints

from hookwright.expressions import evaluate

EventTypePattern = Annotated[
    str,
    StringConstraints(pattern=r"^(\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?)$", max_length=128),
]
"""`*` is every type, `loan.*` every type below `loan`, anything else one type."""


def wants_type(patterns: Iterable[str], event_type: str) -> bool:
    """Tell whether one of the patterns covers the event type."""
    return any(
        pattern in ("*", event_type)
        or (pattern.endswith(".*") and event_type.startswith(pattern[:-1]))
        for pattern in patterns
    )


def passes_filter(expression: str | None, document: object) -> bool:
    """Tell whether an event passes a JMESPath filter.

    What JMESPath calls false-like (null, false, empty text, list or object) does not pass, and
    neither does an event that the expression does not fit.
    """
    if expression is None:
        return True
    try:
        result = evaluate(expression, document)
    except ValueError:
        return False
    return result is not None and result is not False and result not in ("", [], {})
