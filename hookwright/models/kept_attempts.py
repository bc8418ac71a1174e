"""The limit of a delivery's log: which attempts it keeps, and how much of each."""

from hookwright.models.delivery import Attempt
from hookwright.sizes import MAX_LOG_BYTES

MAX_KEPT_ATTEMPTS = 31
"""The log keeps this many of the latest attempts: as many as the longest retry table makes."""


def trim_attempts(attempts: list[Attempt]) -> list[Attempt]:
    """Return the latest attempts. Above MAX_LOG_BYTES the older ones lose their response."""
    bytes_left, newest_first = MAX_LOG_BYTES, []
    for attempt in attempts[: -MAX_KEPT_ATTEMPTS - 1 : -1]:
        bytes_left -= len(attempt.model_dump_json().encode())
        newest_first.append(attempt if bytes_left >= 0 else _shortened(attempt))
    return newest_first[::-1]


def _shortened(attempt: Attempt) -> Attempt:
    """Return an attempt without its body, its error and its headers."""
    without: dict[str, object] = {"response_body": None, "error": None}
    return attempt.model_copy(update={**without, "request_headers": {}, "response_headers": {}})
