"""Events as the services return them, and which of them a list shows."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain, islice
from typing import Any

import structlog
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus

from api.http import Problem
from api.services.deliveries import DeliveryView
from hookwright.models import EventInput
from hookwright.temporal import (
    EVENT_TYPE,
    START_TIME,
    Row,
    WorkflowType,
    accepted_events,
    attribute_is,
    time_between,
)
from hookwright.webhook import unsafe_integers

MAX_WARNINGS = 10

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Published:
    """The answer to a publish."""

    event: EventInput
    duplicate: bool
    warnings: list[str]


class FanOutState(StrEnum):
    """Whether an event has all its deliveries. `failed`: our fault, or a bad direct start."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = {
    WorkflowExecutionStatus.COMPLETED: FanOutState.COMPLETE,
    WorkflowExecutionStatus.CANCELED: FanOutState.CANCELLED,
    WorkflowExecutionStatus.TERMINATED: FanOutState.CANCELLED,
}


@dataclass(frozen=True)
class EventFanOut:
    """An event and how far it has come."""

    event: EventInput
    fan_out: FanOutState


@dataclass(frozen=True)
class EventWithDeliveries(EventFanOut):
    """An event and what became of it."""

    deliveries: list[DeliveryView]


@dataclass(frozen=True)
class EventFilter:
    """Which events of a tenant a list shows: those that match all that is given."""

    event_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def query(self, tenant_id: str) -> str:
        """Return the query that finds them."""
        return accepted_events(
            tenant_id,
            attribute_is(EVENT_TYPE, self.event_type),
            time_between(START_TIME, self.since, self.until),
        )


def fan_out_state(execution: Row | WorkflowExecutionDescription, event: EventInput) -> FanOutState:
    """Return how far an event's execution has come. One that is a delivery needs no fan-out."""
    if execution.workflow_type == WorkflowType.DELIVERY:
        return FanOutState.COMPLETE
    if execution.status is WorkflowExecutionStatus.RUNNING:
        waits = event.deliver_at and event.deliver_at > datetime.now(UTC)
        return FanOutState.SCHEDULED if waits else FanOutState.RUNNING
    return (execution.status and ENDED.get(execution.status)) or FanOutState.FAILED


def warnings_of(event: EventInput) -> list[str]:
    """Return what a publisher should know about an event that was accepted."""
    found = chain(unsafe_integers(event.data), unsafe_integers(event.extra, "extra"))
    return [
        f"{path}: JavaScript cannot hold this integer exactly; receivers that parse and sign again"
        " will refuse it. Send it as a string."
        for path in islice(found, MAX_WARNINGS)
    ]


def content_of(event: EventInput) -> str:
    """Return what two equal publishes share: all but their time and way. In JSON, true is not 1."""
    content: dict[str, Any] = event.model_dump(mode="json", exclude={"created_at", "hops"})
    return json.dumps(content, sort_keys=True)


@contextmanager
def outcome_logged(event: EventInput) -> Iterator[Callable[[Published], Published]]:
    """Have the log tell, at debug, whether an event was accepted or refused.

    A refusal names the faulty fields and not the texts of the faults: some repeat a value.
    """
    ids = {"tenant_id": event.tenant_id, "event_id": event.id, "event_type": event.type}

    def accepted(published: Published) -> Published:
        log.debug("event.accepted", **ids, duplicate=published.duplicate)
        return published

    try:
        yield accepted
    except Problem as problem:
        faults = [".".join(map(str, fault.loc)) for fault in problem.errors]
        log.debug("event.refused", **ids, problem=problem.slug, faults=faults or None)
        raise
