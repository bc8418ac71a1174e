"""When a disabled endpoint is probed, and which answers show that its receiver works."""

from datetime import timedelta
from http import HTTPStatus

PROBE_AFTER_SECONDS = (60, 300, 1_800, 7_200, 21_600, 86_400)
"""The delays before the probes of a disabled endpoint. After the last, it is probed every day."""

STABLE_AFTER = timedelta(hours=1)
"""An endpoint that is disabled again sooner continues with the delay that it had reached, which
limits the changes of its status to about forty a day."""

UNAVAILABLE_STATUSES = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.GONE,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""The 4xx statuses that mean "not now" or "never again": they do not refuse one event only."""


def until_probe(probes: int) -> timedelta:
    """Return how long to wait for the next probe after this many probes."""
    return timedelta(seconds=PROBE_AFTER_SECONDS[min(probes, len(PROBE_AFTER_SECONDS) - 1)])


def shows_working_receiver(status_code: int | None) -> bool:
    """Return whether a failed probe reached a working receiver that refused this one event.

    If that did not end the outage, one event that a receiver refuses would block all others.
    """
    if status_code is None or status_code in UNAVAILABLE_STATUSES:
        return False
    return HTTPStatus.BAD_REQUEST <= status_code < HTTPStatus.INTERNAL_SERVER_ERROR
