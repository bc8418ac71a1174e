"""What the code calls to record: one line where something happens.

The types name all values of a label, and counters begin at 0 for each of them: Prometheus does not
see the first step of a counter that appears with it.
"""

from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Literal, get_args

from hookwright.metrics.names import (
    ATTEMPT_SECONDS,
    ATTEMPTS,
    CODEC_FAILURES,
    EVENTS_ACCEPTED,
    GROUP_COMMIT_SIZE,
    POSTS_IN_FLIGHT,
    PUBLISH_SECONDS,
    REFUSALS,
    SHARE_REFUSALS,
)
from hookwright.outcomes import Outcome, Trigger

Level = Literal["endpoint", "tenant", "worker"]
LEVELS: tuple[Level, ...] = get_args(Level)

GroupCommit = Literal["reports", "routes"]
PublishKind = Literal["event", "batch"]

CodecFailure = Literal["missing_key", "altered", "misplaced", "clear"]
"""`altered`: changed, or not encrypted by us. `misplaced`: copied from another workflow. `clear`:
not encrypted, where that is refused."""


class ApiLimit(StrEnum):
    """What a limit of the API counts.

    The first four are a caller's requests, reads, events and pages of the portal a minute. Then
    come deliveries a minute, endpoints of a tenant, lists at once, turns to publish, and
    requests or bytes of bodies under way.
    """

    MANAGEMENT = "management"
    READ = "read"
    PUBLISH = "publish"
    PORTAL = "portal"
    DELIVERIES = "deliveries"
    ENDPOINTS = "endpoints"
    LISTS = "lists"
    TURNS = "turns"
    UNDER_WAY = "under_way"


def attempt_ended(
    outcome: Outcome, status_code: int | None, trigger: Trigger, seconds: float
) -> None:
    """Count an attempt that has ended."""
    status_class = "none" if status_code is None else f"{status_code // 100}xx"
    ATTEMPTS.labels(outcome, status_class, trigger).inc()
    ATTEMPT_SECONDS.labels(outcome).observe(seconds)


def post_in_flight() -> AbstractContextManager[None]:
    """Count a POST as under way while the context is open."""
    return POSTS_IN_FLIGHT.track_inprogress()


def found_no_room(level: Level) -> None:
    """Count an attempt, or other work, that has to wait for a share."""
    SHARE_REFUSALS.labels(level).inc()


def group_committed(kind: GroupCommit, size: int) -> None:
    """Count what is sent to an endpoint or a tenant together."""
    GROUP_COMMIT_SIZE.labels(kind).observe(size)


def codec_failed(reason: CodecFailure) -> None:
    """Count a payload that could not be decrypted, or was refused."""
    CODEC_FAILURES.labels(reason).inc()


def publish_answered(kind: PublishKind, status: int, seconds: float) -> None:
    """Count a publish that was answered."""
    PUBLISH_SECONDS.labels(kind, str(status)).observe(seconds)


def event_accepted() -> None:
    """Count an event that was stored."""
    EVENTS_ACCEPTED.inc()


def refused(limit: ApiLimit) -> None:
    """Count a request that was refused because of a limit."""
    REFUSALS.labels(limit).inc()


def _begin_at_zero() -> None:
    for level in LEVELS:
        SHARE_REFUSALS.labels(level)
    for reason in get_args(CodecFailure):
        CODEC_FAILURES.labels(reason)
    for limit in ApiLimit:
        REFUSALS.labels(limit)


_begin_at_zero()
