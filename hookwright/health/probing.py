"""When a disabled endpoint is tried, and what shows that it is alive."""

from datetime import timedelta
from http import HTTPStatus

PROBE_AFTER_SECONDS = (60, 300, 1_800, 7_200, 21_600, 86_400)
"""A disabled endpoint is tried after each of these in turn, and from then on every day."""

STABLE_AFTER = timedelta(hours=1)
"""Who relapses sooner is probed where it left off: some forty status changes a day at most."""

UNAVAILABLE_STATUSES = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.GONE,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Of the 4xx, those that say "not now" or "never again", and nothing of the event that was sent."""


def until_probe(probes: int) -> timedelta:
    """Return how long to wait for the next probe after so many."""
    return timedelta(seconds=PROBE_AFTER_SECONDS[min(probes, len(PROBE_AFTER_SECONDS) - 1)])


def shows_working_receiver(status_code: int | None) -> bool:
    """Tell whether a failed probe found a receiver that works: it refused this one event.

    Otherwise one event that a receiver does not want would keep all others from it.
    """
    if status_code is None or status_code in UNAVAILABLE_STATUSES:
        return False
    return HTTPStatus.BAD_REQUEST <= status_code < HTTPStatus.INTERNAL_SERVER_ERROR
