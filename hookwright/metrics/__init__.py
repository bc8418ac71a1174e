"""Metrics: what a process counts, for Prometheus. docs/observability.md explains each of them."""

from hookwright.metrics.figure import Figure
from hookwright.metrics.names import (
    DELIVERIES,
    ENDPOINT_HEALTHS,
    ENDPOINTS,
    OLDEST_TASKS,
    REGISTRY,
    TASKS_WAITING,
    TENANTS,
)
from hookwright.metrics.recording import (
    LEVELS,
    ApiLimit,
    CodecFailure,
    Level,
    PublishKind,
    attempt_ended,
    codec_failed,
    event_accepted,
    found_no_room,
    group_committed,
    post_in_flight,
    publish_answered,
    refused,
)

__all__ = [
    "DELIVERIES",
    "ENDPOINTS",
    "ENDPOINT_HEALTHS",
    "LEVELS",
    "OLDEST_TASKS",
    "REGISTRY",
    "TASKS_WAITING",
    "TENANTS",
    "ApiLimit",
    "CodecFailure",
    "Figure",
    "Level",
    "PublishKind",
    "attempt_ended",
    "codec_failed",
    "event_accepted",
    "found_no_room",
    "group_committed",
    "post_in_flight",
    "publish_answered",
    "refused",
]
