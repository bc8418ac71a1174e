"""Recovery: what an endpoint has not had, found by visibility and sent at a rate, oldest first.

It sends nothing twice: the delivery of a missing event starts once, for its id is derived, and a
failed one is replayed once a run (`hookwright.replay`). So progress that a killed worker lost is
made again, and changes nothing.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Any

from temporalio import activity
from temporalio.client import (
    Client,
    WorkflowExecution,
)
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.endpoints import Endpoints
from activities.entities import VISIBILITY_LAG_SECONDS
from activities.fan_out import start_delivery
from activities.oldest_first import between, moment, oldest_first
from activities.pace import Pace
from hookwright.client import ENDPOINT_ID, EVENT_ID, TENANT_ID
from hookwright.envelope import event_document
from hookwright.executions import described, first_entry
from hookwright.ids import (
    DELIVERY_WORKFLOW,
    EVENT_WORKFLOW,
    delivery_workflow_id,
    recovery_id,
)
from hookwright.matching import matches
from hookwright.models import EndpointState, EventInput
from hookwright.outcomes import Trigger
from hookwright.recoveries import Lost, RecoveryInput, RecoveryProgress
from hookwright.replay import replay_request, start_replay

BEAT_SECONDS = 0.5
GROUPS_PER_SECOND = 5
"""What is looked at together, before it is sent in order, one by one."""

Start = Callable[[], Awaitable[None]]


@dataclass
class Made:
    """The progress that the next heartbeat tells."""

    progress: RecoveryProgress


class NobodyThereError(Exception):
    """There is no endpoint to send to any more."""


@dataclass(frozen=True)
class Recoveries:
    """The activity of `Recovery`."""

    client: Client
    endpoints: Endpoints
    deliveries_queue: str

    @activity.defn
    async def recover(self, recovery: RecoveryInput, so_far: RecoveryProgress) -> RecoveryProgress:
        """Start deliveries of what was lost; return the progress, complete unless cancelled.

        Raises:
            ApplicationError: the endpoint was deleted, or is gone; final, with the progress. Or
                this worker stops; another goes on.
        """
        recorded = activity.info().heartbeat_details
        made = Made(RecoveryProgress.model_validate(recorded[0]) if recorded else so_far)
        try:
            async with _heartbeats(made):
                await _while_worker_runs(self._recover(recovery, made))
        except asyncio.CancelledError:
            details = activity.cancellation_details()
            if details and details.cancel_requested:
                return made.progress
            raise
        except NobodyThereError as error:
            raise ApplicationError(
                str(error), made.progress, type="nobody_there", non_retryable=True
            ) from None
        return made.progress.model_copy(update={"complete": True})

    async def _recover(self, recovery: RecoveryInput, made: Made) -> None:
        query = _lost(recovery)
        since, until = recovery.since, recovery.until
        if made.progress.total is None:
            await asyncio.sleep(VISIBILITY_LAG_SECONDS)
            counted = await self.client.count_workflows(f"{query} AND {between(since, until)}")
            made.progress = made.progress.model_copy(update={"total": counted.count})
        pace = Pace(recovery.per_second)
        rows = oldest_first(self.client, query, made.progress.last_at or since, until)
        async for group in _groups(rows, math.ceil(recovery.per_second / GROUPS_PER_SECOND)):
            ahead = [row for row in group if not made.progress.is_past(moment(row), row.run_id)]
            await pace.ready()  # first: what is looked at long before may be erased by then
            endpoint = await self._endpoint(recovery)
            starts = await asyncio.gather(*(self._start(recovery, endpoint, row) for row in ahead))
            for row, start in zip(ahead, starts, strict=True):
                if start:
                    await pace.ready()
                    await start()
                    pace.gone()
                made.progress = made.progress.after(moment(row), row.run_id)

    async def _endpoint(self, recovery: RecoveryInput) -> EndpointState:
        endpoint = await self.endpoints.current(recovery.tenant_id, recovery.endpoint_id)
        if endpoint is None:
            raise NobodyThereError("the endpoint was deleted")
        if endpoint.health.gone:
            raise NobodyThereError("the endpoint has answered 410 Gone")
        return endpoint

    async def _start(
        self, recovery: RecoveryInput, endpoint: EndpointState, row: WorkflowExecution
    ) -> Start | None:
        """Return what starts the delivery, or None if there is nothing to recover."""
        own_id = recovery_id(recovery.endpoint_id, activity.info().workflow_run_id or "")
        if recovery.status is Lost.FAILED:
            return await self._replay(row, own_id)
        return await self._first(row, endpoint, own_id)

    async def _replay(self, row: WorkflowExecution, own_id: str) -> Start | None:
        """Replay a failed delivery, unless somebody has, or it was erased."""
        latest = await described(self.client, row.id)
        if latest is None or latest.run_id != row.run_id:
            return None
        request = await replay_request(self.client, latest, Trigger.RECOVERY, own_id)
        return partial(start_replay, self.client, request)

    async def _first(
        self, row: WorkflowExecution, endpoint: EndpointState, own_id: str
    ) -> Start | None:
        """Deliver an event, if the endpoint would get it today and has no delivery of it."""
        event_id = row.typed_search_attributes[EVENT_ID]
        ids = (endpoint.tenant_id, endpoint.endpoint_id, event_id)
        if await described(self.client, delivery_workflow_id(*ids)):
            return None
        began = await first_entry(self.client, row.id, row.run_id)
        payloads = began.workflow_execution_started_event_attributes.input.payloads
        event: EventInput
        [event] = await self.client.data_converter.decode(payloads, [EventInput])
        started = began.event_time.ToDatetime(UTC)
        happened_at = event.created_at or started
        event = event.model_copy(update={"created_at": happened_at})
        route, accepted_at = endpoint.route(), max(started, event.deliver_at or started)
        if not matches(route, event, event_document(event, happened_at)):
            return None
        return partial(
            start_delivery,
            self.client,
            self.deliveries_queue,
            route,
            event,
            happened_at,
            accepted_at,
            own_id,
        )


def _lost(recovery: RecoveryInput) -> str:
    tenant = f"{TENANT_ID.name} = '{recovery.tenant_id}'"
    if recovery.status is Lost.MISSING:
        return f"WorkflowType = '{EVENT_WORKFLOW}' AND ExecutionStatus = 'Completed' AND {tenant}"
    return (
        f"WorkflowType = '{DELIVERY_WORKFLOW}' AND ExecutionStatus = 'Failed' AND {tenant}"
        f" AND {ENDPOINT_ID.name} = '{recovery.endpoint_id}'"
    )


async def _groups(
    rows: AsyncIterator[WorkflowExecution], size: int
) -> AsyncIterator[list[WorkflowExecution]]:
    group: list[WorkflowExecution] = []
    async for row in rows:
        group.append(row)
        if len(group) >= size:
            yield group
            group = []
    if group:
        yield group


async def _while_worker_runs(work: Coroutine[Any, Any, None]) -> None:
    """Await the work, or hand it over when this worker stops: it would wait for hours of work."""
    tasks = [asyncio.create_task(work), asyncio.create_task(activity.wait_for_worker_shutdown())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            raise ApplicationError("this worker stops", category=ApplicationErrorCategory.BENIGN)
        tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _heartbeats(made: Made) -> AsyncIterator[None]:
    """Tell the progress for as long as the context lasts: calls to a busy server take seconds."""

    async def beat() -> None:
        while True:
            activity.heartbeat(made.progress)
            await asyncio.sleep(BEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        activity.heartbeat(made.progress)
