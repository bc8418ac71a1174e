"""What states, outcomes and triggers mean, in sentences for people."""

from hookwright.audit import AuditAction
from hookwright.health import DISABLED_BECAUSE, StatusChange, StatusChangeKind
from hookwright.outcomes import DeliveryState, EndpointStatus, Outcome, StatusClass, Trigger

STATES = {
    DeliveryState.PENDING: "It is being attempted, or it waits for its next attempt.",
    DeliveryState.HELD: (
        "Its webhook is inactive or slowed down. It is sent once the webhook takes deliveries"
        " again."
    ),
    DeliveryState.DELIVERED: "The receiver confirmed it with a 2xx status.",
    DeliveryState.EXHAUSTED: (
        "All attempts of the retry schedule failed. It is only attempted again if you send it"
        " again."
    ),
    DeliveryState.EXPIRED: (
        "It was held for longer than held deliveries are kept. It is only attempted if you send"
        " it again."
    ),
    DeliveryState.CANCELLED: "It was cancelled. It is only attempted if you send it again.",
}

OUTCOMES = {
    Outcome.DELIVERED: "Delivered",
    Outcome.HTTP_ERROR: "The receiver answered with an error",
    Outcome.TIMEOUT: "The receiver did not answer in time",
    Outcome.CONNECTION_ERROR: "The connection failed",
    Outcome.TLS_ERROR: "The TLS connection failed",
    Outcome.DNS_ERROR: "The host name could not be resolved",
    Outcome.PROTOCOL_ERROR: "The answer was not valid HTTP",
    Outcome.BLOCKED_DESTINATION: "The address is blocked, so nothing was sent",
    Outcome.TEMPLATE_ERROR: "The payload template does not fit the event, so nothing was sent",
    Outcome.FILTER_ERROR: "The filter is too costly for this event, so nothing was sent",
}

TRIGGERS = {
    Trigger.SCHEDULE: "The schedule started this attempt.",
    Trigger.MANUAL: "A person asked for this attempt.",
    Trigger.RECOVERY: "A recovery started this attempt.",
    Trigger.PROBE: "This attempt was a probe: it tried whether the webhook works again.",
    Trigger.TEST: "This attempt was a test.",
}

ANSWERS = {
    StatusClass.SUCCESS: "2xx: success",
    StatusClass.REDIRECT: "3xx: redirect",
    StatusClass.CLIENT_ERROR: "4xx: refused",
    StatusClass.SERVER_ERROR: "5xx: server error",
    StatusClass.NO_ANSWER: "No answer",
}

CHANGES = {
    StatusChangeKind.CREATED: "Created",
    StatusChangeKind.WARNED: "Warned",
    StatusChangeKind.DISABLED: "Disabled",
    StatusChangeKind.PAUSED: "Made inactive",
    StatusChangeKind.RESUMED: "Made active",
    StatusChangeKind.RECOVERED: "Works again",
}

AUDITED = {
    AuditAction.CREATED: "Created",
    AuditAction.CHANGED: "Changed",
    AuditAction.DELETED: "Deleted",
    AuditAction.PAUSED: "Made inactive",
    AuditAction.RESUMED: "Made active",
    AuditAction.DISABLED: "Disabled",
    AuditAction.RECOVERED: "Works again",
    AuditAction.SECRET_ROTATED: "Secret replaced",
    AuditAction.TOKENS_REVOKED: "Tokens revoked",
    AuditAction.DELIVERY_RETRIED: "Delivery sent again",
    AuditAction.DELIVERY_CANCELLED: "Delivery cancelled",
    AuditAction.RECOVERY_STARTED: "Recovery started",
    AuditAction.RECOVERY_PAUSED: "Recovery paused",
    AuditAction.RECOVERY_RESUMED: "Recovery resumed",
    AuditAction.RECOVERY_CANCELLED: "Recovery cancelled",
}


def why_changed(change: StatusChange) -> str:
    """Return the reason of a change in a sentence, or an empty text if there is none to tell."""
    because = f"because {DISABLED_BECAUSE[change.reason]}" if change.reason else ""
    why = ""
    match change.change:
        case StatusChangeKind.CREATED if change.status is EndpointStatus.PAUSED:
            why = "It was inactive from the start."
        case StatusChangeKind.WARNED:
            why = f"{change.percent} % of the limit is reached at which it is disabled."
        case StatusChangeKind.DISABLED if because:
            why = f"It was disabled {because}."
        case StatusChangeKind.RECOVERED if because:
            why = f"A probe was delivered. It had been disabled {because}."
        case StatusChangeKind.RECOVERED:
            why = "A delivery succeeded after the warning."
        case StatusChangeKind.RESUMED if because:
            why = f"It had been disabled {because}."
    return why
