"""Which events an endpoint wants."""

from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import StringConstraints

EventTypePattern = Annotated[
    str,
    StringConstraints(pattern=r"^(\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?)$", max_length=128),
]
"""`*` is every type, `loan.*` every type below `loan`, anything else one type."""

OPERATIONAL_TYPES = (
    "endpoint.warned",
    "endpoint.disabled",
    "endpoint.recovered",
    "delivery.exhausted",
    "delivery.expired",
)
"""What an endpoint's health is told with. `*` does not cover them: a receiver of a published
contract would be surprised."""


def wants_type(patterns: Iterable[str], event_type: str) -> bool:
    """Tell whether one of the patterns covers the event type."""
    return any(
        pattern in ("*", event_type)
        or (pattern.endswith(".*") and event_type.startswith(pattern[:-1]))
        for pattern in patterns
    )


def names_type(patterns: Iterable[str], event_type: str) -> bool:
    """Tell the same of an operational event: `*` does not cover it."""
    return wants_type([pattern for pattern in patterns if pattern != "*"], event_type)


def wants_channels(wanted: Collection[str], channels: Iterable[str]) -> bool:
    """Tell whether an endpoint's channels let an event of these channels through.

    As Svix has it: an endpoint without channels takes every event; one with channels takes what
    shares one of them, so never an event that has none.
    """
    return not wanted or not set(wanted).isdisjoint(channels)
