"""Recovery: finding what an endpoint has not had, and sending it at a rate, oldest first.

It sends nothing twice. The delivery of a missing event starts once, because its id is derived, and
a failed delivery is resent once for each of its runs (`hookwright.temporal.resending`). So when a
killed worker's progress is lost, that work is repeated and changes nothing.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from temporalio import activity
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError, RPCStatusCode

from activities.endpoint_snapshots import EndpointSnapshots
from activities.entities import VISIBILITY_LAG_SECONDS
from activities.grouping import grouped
from activities.heartbeats import heartbeats
from activities.recovery.pace import Pace
from activities.shares import RECOVERIES, NoRoomError, Shares, waiting_error
from hookwright.expressions import Evaluator
from hookwright.ids import event_workflow_id, recovery_id
from hookwright.models import (
    EndpointState,
    RecoverInput,
    RecoveryInput,
    RecoveryProgress,
    RecoverySelection,
)
from hookwright.outcomes import Trigger
from hookwright.routing import deliveries_of, filter_expressions, is_addressed
from hookwright.temporal import (
    ENDPOINT_ID,
    EXECUTION_TIME,
    RPC_TIMEOUT,
    TENANT_ID,
    UNREADABLE,
    ActivityName,
    ErrorType,
    Order,
    Row,
    WorkflowType,
    accepted_event,
    attribute_is,
    described,
    described_delivery,
    executions_of,
    fanned_out_events,
    has_status,
    oldest_first,
    recorded,
    resend_request,
    start_delivery,
    start_resend,
    time_between,
)
from hookwright.webhook import event_document

BEAT_SECONDS = 0.5
GROUPS_PER_SECOND = 5
"""Rows are read in groups, so many a second, and then sent in order, one by one."""

EDGE = timedelta(hours=1)
"""An event that is so close to the end of retention is not recovered as missing, because Temporal
deletes what has ended up to half an hour late."""

TELL_SECONDS = 30.0
"""How often the log tells of the progress."""

Start = Callable[[], Awaitable[None]]

log = structlog.get_logger(__name__)


@dataclass
class Run:
    """One run of the activity. Each heartbeat carries its progress."""

    recovery: RecoveryInput
    own_id: str
    progress: RecoveryProgress
    retention: timedelta = timedelta()
    told_at: float = field(default_factory=time.monotonic)

    def tell(self, event: str) -> None:
        """Tell the log what has happened, and how far it has come."""
        self.told_at = time.monotonic()
        log.info(
            event,
            tenant_id=self.recovery.tenant_id,
            endpoint_id=self.recovery.endpoint_id,
            recovery_id=self.own_id,
            **self.progress.model_dump(include={"total", "done", "unreadable"}),
        )

    def tell_now_and_then(self) -> None:
        """Tell the log of the progress, if it has not done so for a while."""
        if time.monotonic() >= self.told_at + TELL_SECONDS:
            self.tell("recovery.progress")

    def remembers(self, row: Row) -> bool:
        """Return whether a delivery of this event would still be known.

        Temporal deletes an ended delivery when retention is over, and may keep its event for half
        an hour longer. Then it would look as if the endpoint had never had the event.
        """
        return row.time > datetime.now(UTC) - self.retention + EDGE

    async def count_unreadable(self) -> None:
        """Count one that cannot be read, in its place in the order."""
        more = {"unreadable": self.progress.unreadable + 1}
        self.progress = self.progress.model_copy(update=more)


class EndpointGoneError(Exception):
    """There is no longer an endpoint to send to."""


@dataclass(frozen=True)
class RecoveryActivities:
    """The activity of `Recovery`."""

    client: Client
    endpoints: EndpointSnapshots
    deliveries_queue: str
    evaluator: Evaluator
    shares: Shares = field(default_factory=lambda: Shares(RECOVERIES), init=False)

    @activity.defn(name=ActivityName.RECOVER)
    async def recover(self, given: RecoverInput) -> RecoveryProgress:
        """Start the deliveries to recover; return the progress, complete unless cancelled.

        Raises:
            ApplicationError: the endpoint was deleted, or is gone; final, with the progress. Or
                this worker stops, and another one goes on. Or too many recoveries are under way.
        """
        details, recovery = activity.info().heartbeat_details, given.recovery
        own_id = recovery_id(recovery.endpoint_id, activity.info().workflow_run_id or "")
        progress = RecoveryProgress.model_validate(details[0]) if details else given.progress
        run = Run(recovery, own_id, progress)
        try:
            with self.shares.take(recovery.tenant_id, recovery.endpoint_id):
                run.tell("recovery.continued" if progress.done else "recovery.started")
                async with heartbeats(lambda: (run.progress,), BEAT_SECONDS):
                    await _while_worker_runs(self._recover(run))
        except NoRoomError as error:
            activity.heartbeat(progress)
            raise waiting_error(error) from None
        except asyncio.CancelledError:
            reason = activity.cancellation_details()
            if reason and reason.cancel_requested:
                run.tell("recovery.stopped")
                return run.progress
            raise
        except EndpointGoneError as error:
            run.tell("recovery.failed")
            raise ApplicationError(
                str(error), run.progress, type=ErrorType.ENDPOINT_GONE, non_retryable=True
            ) from None
        run.tell("recovery.completed")
        return run.progress.model_copy(update={"complete": True})

    @activity.defn(name=ActivityName.RECORDED_PROGRESS)
    async def recorded_progress(self) -> RecoveryProgress:
        """Return the progress in the heartbeats of this workflow's pending `recover`."""
        handle = self.client.get_workflow_handle(activity.info().workflow_id or "")
        description = await handle.describe(rpc_timeout=RPC_TIMEOUT)
        for pending in description.raw_description.pending_activities:
            return await recorded(description, pending, RecoveryProgress)
        return RecoveryProgress()

    async def _recover(self, run: Run) -> None:
        recovery = run.recovery
        run.retention = await self._retention()
        query = _selected(recovery)
        if run.progress.total is None:
            await asyncio.sleep(VISIBILITY_LAG_SECONDS)
            counted = await self.client.count_workflows(query)
            run.progress = run.progress.model_copy(update={"total": counted.count})
        pace = Pace(recovery.per_second)
        since = run.progress.last_at or recovery.since
        rows = oldest_first(self.client, query, Order.OLDEST_DUE_FIRST, since)
        async for group in grouped(rows, math.ceil(recovery.per_second / GROUPS_PER_SECOND)):
            ahead = [row for row in group if not run.progress.is_past(row.time, row.place.run_id)]
            await pace.ready()  # first, because what was read long before may be erased by then
            endpoint = await self._endpoint(recovery)
            starts = await asyncio.gather(*(self._start(run, endpoint, row) for row in ahead))
            for row, start in zip(ahead, starts, strict=True):
                if start:
                    await pace.ready()
                    await start()
                    pace.gone()
                run.progress = run.progress.after(row.time, row.place.run_id)
                run.tell_now_and_then()

    async def _retention(self) -> timedelta:
        """Return how long the namespace keeps what has ended."""
        answer = await self.client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=self.client.namespace), timeout=RPC_TIMEOUT
        )
        return answer.config.workflow_execution_retention_ttl.ToTimedelta()

    async def _endpoint(self, recovery: RecoveryInput) -> EndpointState:
        endpoint = await self.endpoints.current(recovery.tenant_id, recovery.endpoint_id)
        if endpoint is None:
            raise EndpointGoneError("the endpoint was deleted")
        if endpoint.health.gone:
            raise EndpointGoneError("the endpoint has answered 410 Gone")
        return endpoint

    async def _start(self, run: Run, endpoint: EndpointState, row: Row) -> Start | None:
        """Return what starts the delivery, or None if there is nothing to recover.

        A row that cannot be read, because its key is missing for example, is counted, and the
        others go on.
        """
        lost = (
            self._resend
            if run.recovery.status is RecoverySelection.FAILED
            else self._deliver_missing
        )
        try:
            return await lost(run, endpoint, row)
        except UNREADABLE as error:
            # The error's text is left out, because it may hold what was stored.
            log.warning(
                "recovery.unreadable", workflow_id=row.workflow_id, error=type(error).__name__
            )
            return run.count_unreadable
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None  # it was erased between two calls

    async def _resend(self, run: Run, _: EndpointState, row: Row) -> Start | None:
        """Resend a failed delivery, unless that was done already, or it was erased."""
        latest = await described(self.client, row.workflow_id)
        if latest is None or latest.run_id != row.place.run_id:
            return None
        request = await resend_request(self.client, latest, Trigger.RECOVERY, run.own_id)
        return partial(start_resend, self.client, request)

    async def _deliver_missing(self, run: Run, endpoint: EndpointState, row: Row) -> Start | None:
        """Deliver an event that the endpoint would get today and has no delivery of."""
        # From its workflow id, because a direct start may have left out the search attribute.
        event_id = row.workflow_id.removeprefix(event_workflow_id(endpoint.tenant_id, ""))
        ids = (endpoint.tenant_id, endpoint.endpoint_id, event_id)
        if not run.remembers(row) or await described_delivery(self.client, *ids):
            return None
        accepted = await accepted_event(self.client, row.workflow_id, row.place.run_id)
        if accepted.resent:  # the event has a row of its own, from when it was accepted
            return None
        event, route = accepted.event, endpoint.route()
        if not is_addressed(route, event):
            return None
        document = event_document(event, event.created_at or accepted.accepted_at)
        verdicts = await self.evaluator.verdicts(
            event.tenant_id, filter_expressions([route]), document
        )
        for delivery in deliveries_of([route], verdicts, event, accepted.accepted_at):
            return partial(start_delivery, self.client, self.deliveries_queue, delivery, run.own_id)
        return None


def _selected(recovery: RecoveryInput) -> str:
    """Return the query for what a recovery looks at."""
    when = time_between(EXECUTION_TIME, recovery.since, recovery.until)
    if recovery.status is RecoverySelection.MISSING:
        return fanned_out_events(recovery.tenant_id, when)
    return executions_of(
        WorkflowType.DELIVERY,
        has_status(WorkflowExecutionStatus.FAILED),
        attribute_is(TENANT_ID, recovery.tenant_id),
        attribute_is(ENDPOINT_ID, recovery.endpoint_id),
        when,
    )


async def _while_worker_runs(work: Coroutine[Any, Any, None]) -> None:
    """Await the work. When this worker stops, end it: another worker goes on with it."""
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
