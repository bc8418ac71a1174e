"""The states that people see: of an attempt, of a delivery, and of an endpoint."""

from enum import StrEnum


class DeliveryState(StrEnum):
    """Where a delivery stands.

    `held`: parked, for its endpoint is paused, disabled or slowed down; no attempt is scheduled.
    `expired`: it was held for longer than its tenant's `hold_for_seconds`.
    """

    PENDING = "pending"
    HELD = "held"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """How an attempt ended. Whatever is not `delivered` is the endpoint's failure, as data.

    `template_error`: the endpoint's payload template does not fit the event, so nothing was sent.
    `filter_error`: its filter costs more than it may over this event; nothing was sent either.
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
    """What caused an attempt: `manual` is a person's wish, `recovery` a recovery's replay."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    RECOVERY = "recovery"
    PROBE = "probe"
    TEST = "test"


class EndpointStatus(StrEnum):
    """Whether deliveries are attempted: a person paused it, or a rule disabled it."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class Colour(StrEnum):
    """An endpoint's health at a glance.

    Green delivers; yellow had failures in the last hour; red is disabled, or fails now and did
    most of the hour.
    """

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
