"""How long an event waits before it is delivered."""

from datetime import datetime, timedelta

LONGEST_DELAY = timedelta(days=365)


def delay_until(deliver_at: datetime | None, now: datetime) -> timedelta | None:
    """Return how long an event still waits; None if it is due, as it is at any past time.

    Raises:
        ValueError: it is more than a year ahead.
    """
    if deliver_at is None or deliver_at <= now:
        return None
    if deliver_at - now > LONGEST_DELAY:
        raise ValueError(f"at most {LONGEST_DELAY.days} days ahead")
    return deliver_at - now
