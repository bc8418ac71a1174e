"""Why a message was not sent, and whether to try again."""

from datetime import timedelta

from temporalio.exceptions import ApplicationError

from activities.notify.message import one_line
from hookwright.temporal import ErrorType

LONGEST_WAIT_SECONDS = 3_600.0


def refused(reason: str) -> ApplicationError:
    """Return the error of a message that would be refused each time: it is not sent again."""
    return ApplicationError(one_line(reason), type=ErrorType.NOT_TAKEN, non_retryable=True)


def not_now(reason: str, wait_seconds: float | None = None) -> ApplicationError:
    """Return the error of a message that may be taken later, after as long as was asked for."""
    wait = None if wait_seconds is None else min(wait_seconds, LONGEST_WAIT_SECONDS)
    return ApplicationError(
        one_line(reason),
        type=ErrorType.BUSY,
        next_retry_delay=None if wait is None else timedelta(seconds=wait),
    )
