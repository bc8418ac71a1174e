"""The states that users see: of an attempt, of a delivery and of an endpoint."""

from enum import StrEnum


class DeliveryState(StrEnum):
    """The state of a delivery.

    `held`: its endpoint is paused, disabled or slowed down, so no attempt is scheduled.
    `expired`: it was held for longer than its tenant's `hold_for_seconds`.
    """

    PENDING = "pending"
    HELD = "held"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """How an attempt ended. Every outcome except `delivered` is a failure of the endpoint.

    `template_error`: the endpoint's payload template does not fit the event, so nothing was sent.
    `filter_error`: evaluating the endpoint's filter on this event exceeds the cost limit, so
    nothing was sent.
    """

    DELIVERED = "delivered"
    HTTP_ERROR = "http_error"
    TIMEOUT = "timeout"
    CONNECTION_ERROR = "connection_error"
    TLS_ERROR = "tls_error"
    DNS_ERROR = "dns_error"
    PROTOCOL_ERROR = "protocol_error"
    BLOCKED_DESTINATION = "blocked_destination"
    TEMPLATE_ERROR = "template_error"
    FILTER_ERROR = "filter_error"


class Trigger(StrEnum):
    """What caused an attempt. `manual`: a person asked for it. `recovery`: a recovery resent it."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    RECOVERY = "recovery"
    PROBE = "probe"
    TEST = "test"


class EndpointStatus(StrEnum):
    """Whether an endpoint's deliveries are attempted. A person pauses it; a rule disables it."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class Colour(StrEnum):
    """An endpoint's health at a glance.

    Green: it delivers. Yellow: it had failures in the last hour. Red: it is disabled, or its latest
    attempt failed and most attempts of the last hour failed.
    """

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
