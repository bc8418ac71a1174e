"""The service of erasure: removes an event and its deliveries from Temporal."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)

from api.http import conflict
from api.services.event_views import EventWithDeliveries, FanOutState
from api.services.events import EventService
from api.services.temporal import describe
from hookwright.ids import delivery_workflow_id, event_workflow_id
from hookwright.temporal import (
    EVENT_ID,
    RPC_TIMEOUT,
    TENANT_ID,
    WorkflowType,
    attribute_is,
    delete_execution,
    executions_of,
    reached,
)

MAX_IN_A_CALL = 500
CONCURRENT_DELETIONS = 10
END_SECONDS = 5.0
"""How long the deliveries of an event may take to end before they are deleted."""

DELETION_SECONDS = 0.5
"""Temporal deletes within 0.05 s, or else half a minute later."""


@dataclass(frozen=True)
class Erased:
    """How many executions were `deleted`; `complete` if no more are known.

    `gone`: they cannot be read any more.
    """

    deleted: int
    complete: bool
    gone: bool


@dataclass(frozen=True)
class ErasureService:
    """Deletes what Temporal keeps of events."""

    client: Client
    events: EventService

    async def erase(self, tenant_id: str, event_id: str, *, force: bool) -> Erased:
        """Delete an event after its deliveries, so that it can be found until they are gone.

        Raises:
            Problem: 404; 409 it is being fanned out, or (without `force`) scheduled or on its way.
        """
        found = await self.events.get(tenant_id, event_id)
        if found.fan_out is FanOutState.SCHEDULED and force:
            await self.events.cancel(tenant_id, event_id)
        elif found.fan_out is FanOutState.SCHEDULED:
            raise conflict("the event is scheduled; cancel it first, or give ?force=true")
        elif found.fan_out is FanOutState.RUNNING:
            raise conflict("the event is being fanned out; try again in a moment")
        rows = await self._deliveries(tenant_id, found)
        running = await self._running(rows[:MAX_IN_A_CALL])
        if running and not force:
            raise conflict("deliveries are pending; wait for their end, or give ?force=true")
        await self._end(running)
        workflow_id = event_workflow_id(tenant_id, event_id)
        event = await describe(self.client, workflow_id)
        # The event is found by its last run, so that is the last to be deleted.
        last = {(workflow_id, event.run_id)} if event else set()
        runs = {(row.id, row.run_id) for row in rows[:MAX_IN_A_CALL]} - last
        await self._delete(runs)
        if len(rows) > MAX_IN_A_CALL:
            return Erased(len(runs), complete=False, gone=False)
        await self._delete(last)
        gone = await self._gone({workflow_id, *(row.id for row in rows)})
        return Erased(len(runs | last), complete=True, gone=gone)

    async def _deliveries(
        self, tenant_id: str, found: EventWithDeliveries
    ) -> list[WorkflowExecution]:
        """Return the runs of the event's deliveries, earlier runs too.

        They are those that visibility has, and those that the event itself lists, for which
        visibility may lag behind.
        """
        query = executions_of(
            WorkflowType.DELIVERY,
            attribute_is(TENANT_ID, tenant_id),
            attribute_is(EVENT_ID, found.event.id),
        )
        rows = [
            row
            async for row in self.client.list_workflows(
                query, limit=MAX_IN_A_CALL + 1, rpc_timeout=RPC_TIMEOUT
            )
        ]
        if len(rows) > MAX_IN_A_CALL:
            return rows
        # The event itself may be one of them, its only one.
        ids = [
            event_workflow_id(tenant_id, found.event.id),
            *(
                delivery_workflow_id(tenant_id, each.endpoint_id, found.event.id)
                for each in found.deliveries
            ),
        ]
        known = {row.run_id for row in rows}
        current = await asyncio.gather(*(describe(self.client, each) for each in ids))
        return rows + [
            each
            for each in current
            if each and each.workflow_type == WorkflowType.DELIVERY and each.run_id not in known
        ]

    async def _running(self, rows: list[WorkflowExecution]) -> list[WorkflowExecution]:
        """Return those that are running now; visibility may not show yet that some have ended."""
        gate = asyncio.Semaphore(CONCURRENT_DELETIONS)

        async def runs(row: WorkflowExecution) -> bool:
            async with gate:
                latest = await describe(self.client, row.id)
            return (
                latest is not None
                and latest.run_id == row.run_id
                and latest.status is WorkflowExecutionStatus.RUNNING
            )

        maybe = [row for row in rows if row.status is WorkflowExecutionStatus.RUNNING]
        found = await asyncio.gather(*map(runs, maybe))
        return [row for row, running in zip(maybe, found, strict=True) if running]

    async def _end(self, running: list[WorkflowExecution]) -> None:
        """Cancel what is running and wait for its end, so that endpoints stop counting held ones.

        What does not end in time is still deleted.
        """
        gate = asyncio.Semaphore(CONCURRENT_DELETIONS)

        async def end(row: WorkflowExecution) -> None:
            handle = self.client.get_workflow_handle(row.id, run_id=row.run_id)
            async with gate:
                if await reached(handle.cancel(rpc_timeout=RPC_TIMEOUT), RPC_TIMEOUT):
                    with suppress(WorkflowFailureError):
                        await reached(handle.result())

        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await asyncio.gather(*map(end, running))

    async def _delete(self, runs: set[tuple[str, str]]) -> None:
        gate = asyncio.Semaphore(CONCURRENT_DELETIONS)

        async def delete(workflow_id: str, run_id: str) -> None:
            async with gate:
                await delete_execution(self.client, workflow_id, run_id)

        await asyncio.gather(*(delete(*run) for run in runs))

    async def _gone(self, workflow_ids: set[str]) -> bool:
        """Return whether they can no longer be read, after a moment for Temporal to delete them."""
        await asyncio.sleep(DELETION_SECONDS)
        found = await asyncio.gather(*(describe(self.client, each) for each in workflow_ids))
        return not any(found)
