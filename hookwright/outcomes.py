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

    @property
    def ended_by_attempt(self) -> bool:
        """Whether an attempt has ended the delivery: it was the last one, whatever comes later."""
        return self in (DeliveryState.DELIVERED, DeliveryState.EXHAUSTED)


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


class StatusClass(StrEnum):
    """The class of the HTTP status that an attempt was answered with. `none`: it got no answer."""

    SUCCESS = "2xx"
    REDIRECT = "3xx"
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"
    NO_ANSWER = "none"

    def covers(self, status_code: int | None) -> bool:
        """Return whether the status of an attempt, or None without an answer, is of this class."""
        if status_code is None:
            return self is StatusClass.NO_ANSWER
        return self == f"{status_code // 100}xx"


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
