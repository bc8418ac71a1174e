"""Which events an endpoint wants."""

from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import StringConstraints

EventTypePattern = Annotated[
    str,
    StringConstraints(
        pattern=r"^(\*|[A-Za-z0-9_-]+([./:][A-Za-z0-9_-]+)*([./:]\*)?)$", max_length=128
    ),
]
"""`*` is every type, `loan.*` every type below `loan`, anything else one type. A prefix ends with
the separator of its types: `orders/*` and `customer:*` are prefixes, too."""

PREFIX_ENDINGS = (".*", "/*", ":*")

OPERATIONAL_TYPES = (
    "endpoint.warned",
    "endpoint.disabled",
    "endpoint.recovered",
    "delivery.exhausted",
    "delivery.expired",
)
"""The types of notices about an endpoint's health. `*` does not cover them, because a receiver of a
published contract does not expect them."""


def wants_type(patterns: Collection[str], event_type: str) -> bool:
    """Return whether one of the patterns covers the event type."""
    if event_type in patterns or "*" in patterns:
        return True
    # A loop, and the cheapest test first: every publish does this for all endpoints of a tenant.
    for pattern in patterns:
        if pattern[-1:] == "*" and pattern.endswith(PREFIX_ENDINGS):  # noqa: SIM102
            if event_type.startswith(pattern[:-1]):
                return True
    return False


def wants_operational_type(patterns: Iterable[str], event_type: str) -> bool:
    """Return whether a pattern other than `*` covers the event type, as operational events need."""
    return wants_type([pattern for pattern in patterns if pattern != "*"], event_type)


def wants_channels(wanted: Collection[str], channels: Iterable[str]) -> bool:
    """Return whether an endpoint that listens to `wanted` gets an event on `channels`.

    The rule is the same as in Svix: an endpoint without channels gets every event; an endpoint with
    channels gets the events that share one of them, and so never an event without channels.
    """
    return not wanted or not set(wanted).isdisjoint(channels)
