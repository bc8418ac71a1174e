"""The service of deliveries: the delivery log. Reading it needs no worker."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus

from api.http import Page, not_found
from api.services.lists import NEWEST_FIRST, ExecutionLists, superseded
from api.services.temporal import describe
from hookwright.ids import delivery_id, delivery_workflow_id
from hookwright.models import Attempt, DeliveryLog, whole_attempts
from hookwright.outcomes import DeliveryState, StatusClass
from hookwright.queueing import QueueView
from hookwright.temporal import (
    DELIVERY_STATE,
    ENDPOINT_ID,
    EVENT_ID,
    EVENT_TYPE,
    START_TIME,
    TENANT_ID,
    Row,
    WorkflowType,
    attribute_is,
    attribute_unset,
    described_delivery,
    ended_log,
    executions_of,
    has_status,
    kept_log,
    queue_view,
    recorded,
    time_between,
)

RUNNING, COMPLETED, FAILED = (
    WorkflowExecutionStatus.RUNNING,
    WorkflowExecutionStatus.COMPLETED,
    WorkflowExecutionStatus.FAILED,
)
STATES: dict[tuple[WorkflowExecutionStatus | None, str | None], DeliveryState] = {
    (RUNNING, None): DeliveryState.PENDING,
    (RUNNING, DeliveryState.HELD): DeliveryState.HELD,
    (COMPLETED, None): DeliveryState.DELIVERED,
    (FAILED, None): DeliveryState.EXHAUSTED,
    (FAILED, DeliveryState.EXPIRED): DeliveryState.EXPIRED,
}
"""A delivery's state, by its workflow's status and, where that is not enough, its search attribute.
Any other combination means that an operator ended it: it is cancelled."""

CONDITIONS = {
    DeliveryState.PENDING: (has_status(RUNNING), attribute_unset(DELIVERY_STATE)),
    DeliveryState.HELD: (has_status(RUNNING), attribute_is(DELIVERY_STATE, DeliveryState.HELD)),
    DeliveryState.DELIVERED: (has_status(COMPLETED),),
    DeliveryState.EXHAUSTED: (has_status(FAILED), attribute_unset(DELIVERY_STATE)),
    DeliveryState.EXPIRED: (
        has_status(FAILED),
        attribute_is(DELIVERY_STATE, DeliveryState.EXPIRED),
    ),
    DeliveryState.CANCELLED: (
        has_status(
            WorkflowExecutionStatus.CANCELED,
            WorkflowExecutionStatus.TERMINATED,
            WorkflowExecutionStatus.TIMED_OUT,
        ),
    ),
}


NOT_DELIVERED = has_status(
    *(status for status in WorkflowExecutionStatus if status is not COMPLETED)
)
"""A delivery that has been delivered ended with a 2xx, so a list of other answers leaves it out."""


@dataclass(frozen=True)
class DeliveryView:
    """A delivery with every attempt so far, and when the next is due."""

    id: str
    tenant_id: str
    event_id: str
    endpoint_id: str
    event_type: str
    state: DeliveryState
    attempts: list[Attempt]
    next_attempt_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries a list shows: those that match all that is given."""

    endpoint_id: str | None = None
    event_id: str | None = None
    event_type: str | None = None
    state: DeliveryState | None = None
    since: datetime | None = None
    until: datetime | None = None
    last_status: StatusClass | None = None

    def query(self, tenant_id: str | None) -> str:
        """Return the query that finds those of a tenant, or of all tenants."""
        return executions_of(
            WorkflowType.DELIVERY,
            attribute_is(TENANT_ID, tenant_id),
            attribute_is(ENDPOINT_ID, self.endpoint_id),
            attribute_is(EVENT_ID, self.event_id),
            attribute_is(EVENT_TYPE, self.event_type),
            *(CONDITIONS[self.state] if self.state else ()),
            time_between(START_TIME, self.since, self.until),
            "" if self.last_status in (None, StatusClass.SUCCESS) else NOT_DELIVERED,
        )

    @property
    def kind(self) -> str:
        """What the list is besides its query: visibility does not know the answers."""
        return f"newest first, last status {self.last_status}" if self.last_status else NEWEST_FIRST

    def still_matches(self, latest: WorkflowExecutionDescription) -> bool:
        """Return whether a delivery that visibility found matches by its latest run, too."""
        return (
            (self.state is None or state_of(latest) is self.state)
            and (self.since is None or latest.start_time >= self.since)
            and (self.until is None or latest.start_time < self.until)
        )

    def shows(self, delivery: DeliveryView) -> bool:
        """Return whether a delivery's last attempt has the answer that is asked for."""
        if self.last_status is None:
            return True
        attempts = delivery.attempts[-1:]
        return any(self.last_status.covers(attempt.status_code) for attempt in attempts)


@dataclass(frozen=True)
class DeliveryService:
    """Reads deliveries."""

    client: Client
    lists: ExecutionLists

    async def get(self, tenant_id: str, endpoint_id: str, event_id: str) -> DeliveryView:
        """Return a delivery.

        Raises:
            Problem: 404.
        """
        delivery = await self.find(tenant_id, endpoint_id, event_id)
        if delivery is None:
            raise not_found("delivery")
        return delivery

    async def waiting(self, tenant_id: str, endpoint_id: str) -> QueueView:
        """Return which deliveries wait for their turn in the queue of an endpoint."""
        return await queue_view(self.client, tenant_id, endpoint_id)

    async def find(self, tenant_id: str, endpoint_id: str, event_id: str) -> DeliveryView | None:
        """Return a delivery, or None."""
        found = await described_delivery(self.client, tenant_id, endpoint_id, event_id)
        return await self.read(found) if found else None

    async def of_event(
        self, tenant_id: str, event_id: str, endpoint_ids: Iterable[str]
    ) -> list[DeliveryView]:
        """Return the deliveries that the fan-out of an `Event` started to these endpoints."""

        async def find(endpoint_id: str) -> DeliveryView | None:
            workflow_id = delivery_workflow_id(tenant_id, endpoint_id, event_id)
            found = await describe(self.client, workflow_id)
            return await self.read(found) if found else None

        return [each for each in await asyncio.gather(*map(find, endpoint_ids)) if each]

    async def page(
        self, tenant_id: str | None, wanted: DeliveryFilter, limit: int, cursor: str | None
    ) -> Page[DeliveryView]:
        """Return a page of deliveries of a tenant, or of all tenants, those that began last first.

        Each is listed once, by its latest run. Visibility may be behind; what it finds is shown as
        it is now, if it still matches the filter.
        """

        async def shown(row: Row, newest: int) -> DeliveryView | None:
            latest = await describe(self.client, row.workflow_id)
            if latest is None or superseded(row, latest, newest):
                return None
            if not wanted.still_matches(latest):
                return None
            delivery = await self.read(latest)
            return delivery if delivery and wanted.shows(delivery) else None

        return await self.lists.page(
            wanted.query(tenant_id), limit, cursor, shown, wanted.kind, tenant_id
        )

    async def read(self, description: WorkflowExecutionDescription) -> DeliveryView | None:
        """Return a delivery from what the server knows of it."""
        if description.status is None:
            return None
        log, due = await self._log(description)
        attributes = description.typed_search_attributes
        endpoint_id, event_id = attributes[ENDPOINT_ID], attributes[EVENT_ID]
        return DeliveryView(
            id=delivery_id(endpoint_id, event_id),
            tenant_id=attributes[TENANT_ID],
            event_id=event_id,
            endpoint_id=endpoint_id,
            event_type=attributes[EVENT_TYPE],
            state=state_of(description),
            attempts=whole_attempts(log.attempts),
            next_attempt_at=due,
            created_at=description.start_time,
            ended_at=description.close_time,
        )

    async def _log(
        self, description: WorkflowExecutionDescription
    ) -> tuple[DeliveryLog, datetime | None]:
        """Return the attempts, from wherever they are kept now, and when the next is due."""
        if description.status is WorkflowExecutionStatus.RUNNING:
            return await self._pending_log(description)
        return await ended_log(self.client, description), None

    async def _pending_log(
        self, description: WorkflowExecutionDescription
    ) -> tuple[DeliveryLog, datetime | None]:
        for retry in description.raw_description.pending_activities:
            waiting = retry.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
            if not retry.HasField("heartbeat_details"):  # no worker has begun with the retries
                log = await kept_log(description)
                return log, log.due_at if waiting else None
            due = retry.scheduled_time.ToDatetime(UTC) if waiting else None
            log = await recorded(description, retry, DeliveryLog)
            return (log if log.attempts else await kept_log(description)), due
        return await kept_log(description), None


def state_of(description: WorkflowExecutionDescription) -> DeliveryState:
    """Return the state of a delivery's run."""
    said = description.typed_search_attributes.get(DELIVERY_STATE)
    return STATES.get((description.status, said), DeliveryState.CANCELLED)
