"""An endpoint's health in words: one sentence or two that a person understands at once."""

from datetime import datetime

from hookwright.contracts import DisabledReason
from hookwright.health.state import Health
from hookwright.outcomes import EndpointStatus
from hookwright.times import rfc3339_seconds

DISABLED_BECAUSE = {
    DisabledReason.EXHAUSTED: "too many deliveries in a row used up all their retries",
    DisabledReason.FAILING_TOO_LONG: "no attempt has succeeded for too long",
    DisabledReason.FAILURE_RATE: "too large a share of the attempts failed",
    DisabledReason.GONE: "it answered 410 Gone",
    DisabledReason.BLOCKED_DESTINATION: "its URL leads to an address that is not allowed",
}


def health_in_words(health: Health, now: datetime) -> str:
    """Return why an endpoint's health is what it is, with its last error if it fails."""
    streak = health.streak
    error = f" Last error: {streak.last_error}" if streak.last_error and streak.failures else ""
    return failures_in_words(health, now) + error


def failures_in_words(health: Health, now: datetime) -> str:
    """Return why an endpoint's health is what it is, in words that are all ours."""
    delivered, failed = health.counts.last_hour(now)
    streak = health.streak
    match health.status:
        case EndpointStatus.DISABLED if health.disabled_reason:
            sentence = f"Disabled because {DISABLED_BECAUSE[health.disabled_reason]}."
        case EndpointStatus.PAUSED:
            sentence = "Paused: its deliveries are held until it is resumed."
        case _ if streak.failures:
            times = "the last attempt" if streak.failures == 1 else f"{streak.failures} attempts"
            since = (
                f" since {rfc3339_seconds(streak.failing_since)}" if streak.failing_since else ""
            )
            sentence = f"Failing{since}: {times} failed, with no success in between."
        case _ if failed:
            total = delivered + failed
            sentence = f"It delivers, but {failed} of {total} attempts of the last hour failed."
        case _ if delivered:
            sentence = "It delivers: no attempt of the last hour failed."
        case _:
            sentence = (
                "Nothing fails: no attempt of the last hour is known."
                " Successes are reported about a minute late."
            )
    return sentence


def held_in_words(health: Health) -> str:
    """Return why an endpoint's deliveries are held, as things stood when this was asked."""
    queue = health.queue
    match health.status:
        case EndpointStatus.PAUSED:
            return "the endpoint is paused until it is resumed"
        case EndpointStatus.DISABLED:
            reason, at = health.disabled_reason, health.next_probe_at
            because = f" because {DISABLED_BECAUSE[reason]}" if reason else ""
            probe = f"; its next probe was due at {rfc3339_seconds(at)}" if at else ""
            return f"the endpoint is disabled{because}{probe}"
        case _ if queue.throttled_until:
            until = rfc3339_seconds(queue.throttled_until)
            return f"the receiver asked for fewer requests, so nothing was sent until {until}"
        case _:
            return "deliveries that were held before it go first"
