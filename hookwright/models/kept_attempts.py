"""Which attempts a delivery's log keeps, and how much of each."""

from hookwright.models.delivery import Attempt
from hookwright.sizes import MAX_LOG_BYTES

MAX_KEPT = 31
"""Attempts, the latest: as many as the longest retry table makes."""


def kept(attempts: list[Attempt]) -> list[Attempt]:
    """Return the latest attempts. Where they are too large the older ones lose what came back."""
    left, newest_first = MAX_LOG_BYTES, []
    for attempt in attempts[: -MAX_KEPT - 1 : -1]:
        left -= len(attempt.model_dump_json().encode())
        newest_first.append(attempt if left >= 0 else _shortened(attempt))
    return newest_first[::-1]


def _shortened(attempt: Attempt) -> Attempt:
    """Return an attempt without what a receiver wrote, and without the headers that it was sent."""
    return attempt.model_copy(update={"response_body": None, "error": None, "request_headers": {}})
