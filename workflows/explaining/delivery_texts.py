"""What a delivery says of itself: at each attempt, while it waits, and when it has failed."""

from collections.abc import Callable

from hookwright.ids import endpoint_workflow_id, queue_workflow_id
from hookwright.models import DeliveryInput, DeliveryLog
from hookwright.outcomes import DeliveryState
from hookwright.security import host_of
from workflows.explaining.texts import at, counted, end_of, quoted

CANCELLED = (
    "Cancelled: its endpoint was deleted, is gone or does not want it, or a person cancelled it."
)


def attempt_summary(delivery: DeliveryInput, log: DeliveryLog) -> str:
    """Return `POST to example.com, attempt 3`.

    A delivery does not know its endpoint's URL: the host is that of the attempt before. In front of
    the first attempt the endpoint's id stands for it.
    """
    known = host_of(log.attempts[-1].url) if log.attempts else ""
    return f"POST to {end_of(known) or delivery.endpoint_id}, attempt {log.next_number}"


def retry_summary(delivery: DeliveryInput, log: DeliveryLog) -> str:
    """Return the summary of the activity that makes this attempt, and all that follow."""
    lane = ", in the slow lane" if log.slow else ""
    return f"{attempt_summary(delivery, log)} and later ones{lane}"


def turn_summary(log: DeliveryLog) -> str:
    """Return the summary of the timer beside a turn that has to come."""
    return f"no turn for attempt {log.next_number}: ask the queue again"


def delivery_details(delivery: DeliveryInput, log: DeliveryLog) -> str:
    """Return where a delivery stands, why, and what comes next."""
    match log.state:
        case DeliveryState.PENDING:
            return _pending(delivery, log)
        case DeliveryState.HELD:
            return _held(delivery, log)
        case DeliveryState.DELIVERED:
            return f"Delivered by attempt {log.next_number - 1}."
        case DeliveryState.CANCELLED:
            return CANCELLED
        case _:
            return f"{_given_up(log, quoted)}."


def failure_text(log: DeliveryLog) -> str:
    """Return why a delivery was given up, with the reason of its last attempt, as plain text."""
    return _given_up(log, str)


def _given_up(log: DeliveryLog, shown: Callable[[str], str]) -> str:
    made = counted(log.next_number - 1, "attempt", "attempts")
    latest = log.attempts[-1] if log.attempts else None
    last = f"; the last one failed: {shown(latest.error or latest.outcome)}" if latest else ""
    if log.state is DeliveryState.EXPIRED:
        since = f"held since {at(log.held_since)}, for longer than its tenant allows"
        return f"{log.state}: {since}; {made}{last}"
    return f"{log.state} after {made}{last}"


def _pending(delivery: DeliveryInput, log: DeliveryLog) -> str:
    number = log.next_number
    if log.queued:
        queue = queue_workflow_id(delivery.event.tenant_id, delivery.endpoint_id)
        return f"Attempt {number} waits for its turn in the workflow `{queue}`."
    last = _last_failure(log)
    if log.release:
        return f"{last}It was held, and is released ({log.release}): attempt {number} is next."
    if log.due_at and log.retry_in_seconds:
        last += f"Attempt {number} was due at {at(log.due_at)}. "
    return (
        f"{last}The pending activity makes attempt {number} and all later ones: it shows the"
        " failure of the latest, and when the next is due."
    )


def _held(delivery: DeliveryInput, log: DeliveryLog) -> str:
    endpoint = endpoint_workflow_id(delivery.event.tenant_id, delivery.endpoint_id)
    because = f": {log.held_because}" if log.held_because else ""
    return (
        f"Held since {at(log.held_since)}{because}. {_last_failure(log)}"
        f"The workflow `{endpoint}` shows its endpoint as it is now."
    )


def _last_failure(log: DeliveryLog) -> str:
    if not log.attempts:
        return ""
    last = log.attempts[-1]
    return f"Attempt {last.number} failed: {quoted(last.error or last.outcome)}. "
