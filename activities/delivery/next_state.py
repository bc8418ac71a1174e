"""The state of a delivery after an attempt, and when the next attempt is due."""

from datetime import UTC, datetime, timedelta

from activities.delivery.request import SentAttempt
from hookwright.contracts import next_delay
from hookwright.health import Release, shows_working_receiver
from hookwright.models import DeliveryLog, trim_attempts
from hookwright.outcomes import DeliveryState, Outcome, Trigger


def after_attempt(so_far: DeliveryLog, sent: SentAttempt) -> DeliveryLog:
    """Return the log with a further attempt, the new state, and when the next attempt is due."""
    now = datetime.now(UTC)
    state, delay = _state_and_delay(so_far, sent, now)
    return DeliveryLog(
        state=state,
        attempts=trim_attempts([*so_far.attempts, sent.attempt]),
        steps=so_far.steps + (not so_far.off_schedule),
        due_at=now + timedelta(seconds=delay) if state is DeliveryState.PENDING else None,
        retry_in_seconds=delay,
        trigger=so_far.trigger if state is DeliveryState.HELD else Trigger.SCHEDULE,
        release=so_far.release,
        held_since=so_far.held_since if state is DeliveryState.HELD else None,
        holds=so_far.holds,
        turn=so_far.turn,
        unreported=True,
    )


def _state_and_delay(
    so_far: DeliveryLog, sent: SentAttempt, now: datetime
) -> tuple[DeliveryState, float]:
    """Return the state after an attempt, and the seconds until the next attempt."""
    attempt, rule = sent.attempt, sent.rule
    if attempt.outcome is Outcome.DELIVERED:
        return DeliveryState.DELIVERED, 0.0
    if so_far.release is Release.PROBE and shows_working_receiver(attempt.status_code):
        # The probe makes the endpoint active. It uses no step, so the delay after the last step
        # that was used applies.
        return DeliveryState.PENDING, next_delay(
            rule, max(so_far.steps, 1), sent.retry_after
        ) or 0.0
    if so_far.off_schedule and so_far.release:
        return DeliveryState.HELD, 0.0
    if so_far.off_schedule and so_far.due_at:
        return DeliveryState.PENDING, max(0.0, (so_far.due_at - now).total_seconds())
    if rule.gives_up_on(attempt.status_code):
        return DeliveryState.EXHAUSTED, 0.0
    delay = next_delay(rule, so_far.steps + 1, sent.retry_after)
    return (DeliveryState.EXHAUSTED, 0.0) if delay is None else (DeliveryState.PENDING, delay)
