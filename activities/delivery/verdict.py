"""Where an attempt leaves its delivery, and when the next one is due."""

from datetime import UTC, datetime, timedelta

from activities.delivery.request import Posted
from hookwright.contracts import next_delay
from hookwright.health import Release, shows_life
from hookwright.models import DeliveryLog, kept
from hookwright.outcomes import DeliveryState, Outcome, Trigger


def after_attempt(so_far: DeliveryLog, posted: Posted) -> DeliveryLog:
    """Return the log with an attempt, where it leaves the delivery, and when the next is due."""
    now = datetime.now(UTC)
    state, delay = _verdict(so_far, posted, now)
    return DeliveryLog(
        state=state,
        attempts=kept([*so_far.attempts, posted.attempt]),
        steps=so_far.steps + (not so_far.beside_schedule),
        due_at=now + timedelta(seconds=delay) if state is DeliveryState.PENDING else None,
        retry_in_seconds=delay,
        trigger=so_far.trigger if state is DeliveryState.HELD else Trigger.SCHEDULE,
        release=so_far.release,
        held_since=so_far.held_since if state is DeliveryState.HELD else None,
        holds=so_far.holds,
        untold=True,
    )


def _verdict(so_far: DeliveryLog, posted: Posted, now: datetime) -> tuple[DeliveryState, float]:
    """Return where an attempt leaves its delivery, and the delay of the next attempt."""
    attempt, rule = posted.attempt, posted.rule
    if attempt.outcome is Outcome.DELIVERED:
        return DeliveryState.DELIVERED, 0.0
    if so_far.release is Release.PROBE and shows_life(attempt.status_code):
        # The endpoint will be active. No step is used: what follows the last one is due next.
        return DeliveryState.PENDING, next_delay(rule, max(so_far.steps, 1), posted.asked) or 0.0
    if so_far.beside_schedule and so_far.release:
        return DeliveryState.HELD, 0.0
    if so_far.beside_schedule and so_far.due_at:
        return DeliveryState.PENDING, max(0.0, (so_far.due_at - now).total_seconds())
    if rule.gives_up_on(attempt.status_code):
        return DeliveryState.EXHAUSTED, 0.0
    delay = next_delay(rule, so_far.steps + 1, posted.asked)
    return (DeliveryState.EXHAUSTED, 0.0) if delay is None else (DeliveryState.PENDING, delay)
