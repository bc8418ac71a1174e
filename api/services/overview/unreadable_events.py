"""The service of events that cannot be read: a direct start has used another encryption key."""

from dataclasses import dataclass
from datetime import datetime

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from api.http import Page
from api.services.lists import ExecutionLists
from hookwright.ids import EVENT_PREFIX
from hookwright.temporal import (
    DELIVERY_STATE,
    UNREADABLE,
    UNREADABLE_STATE,
    Row,
    WorkflowType,
    accepted_event,
    attribute_is,
    executions_of,
    first_entry,
    has_status,
    key_id_of,
)


@dataclass(frozen=True)
class UnreadableEvent:
    """An event that ended because no worker could decrypt it.

    `key_id` is the one that its publisher gave. It is `readable_now` if this process has its key.
    """

    workflow_id: str
    tenant_id: str
    event_id: str
    key_id: str
    created_at: datetime
    readable_now: bool


@dataclass(frozen=True)
class UnreadableEventService:
    """Lists the events of all tenants that could not be read."""

    client: Client
    lists: ExecutionLists

    async def page(self, limit: int, cursor: str | None) -> Page[UnreadableEvent]:
        """Return a page of them, newest first, as long as Temporal keeps them.

        Raises:
            Problem: 422, a foreign cursor; 503, too many lists were asked for.
        """
        query = executions_of(
            WorkflowType.EVENT,
            has_status(WorkflowExecutionStatus.FAILED),
            attribute_is(DELIVERY_STATE, UNREADABLE_STATE),
        )
        return await self.lists.page(query, limit, cursor, self._shown)

    async def _shown(self, row: Row, _newest: int) -> UnreadableEvent | None:
        run_id = row.place.run_id
        try:
            first = await first_entry(self.client, row.workflow_id, run_id)
            readable = await self._is_readable(row.workflow_id, run_id)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None  # it was erased between two calls
        started = first.workflow_execution_started_event_attributes
        tenant_id, _, event_id = row.workflow_id.removeprefix(EVENT_PREFIX).partition(":")
        return UnreadableEvent(
            workflow_id=row.workflow_id,
            tenant_id=tenant_id,
            event_id=event_id,
            key_id=", ".join(map(key_id_of, started.input.payloads)),
            created_at=row.time,
            readable_now=readable,
        )

    async def _is_readable(self, workflow_id: str, run_id: str) -> bool:
        try:
            await accepted_event(self.client, workflow_id, run_id)
        except UNREADABLE:
            return False
        return True
