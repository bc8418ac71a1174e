"""The service of recoveries: begin, follow, pause, resume, cancel."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cachetools import TTLCache
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.http import Page, Problem, conflict, not_found
from api.services.lists import ExecutionLists
from api.services.temporal import UPDATE_TIMEOUT, cancelled, deadline, note, updating
from api.services.visibility import Visibility
from hookwright.audit import AuditAction
from hookwright.ids import recovery_id, recovery_workflow_id
from hookwright.models import RecoveryInput, RecoveryProgress, RecoveryView
from hookwright.temporal import (
    RECOVERY_ID,
    RPC_TIMEOUT,
    TENANT_ID,
    MemoKey,
    Row,
    Update,
    WorkflowType,
    at_most,
    attribute_is,
    executions_of,
    fair_share,
    has_status,
    recorded,
    workflow_id_is,
    workflow_id_starts_with,
)
from workflows.deadline import Deadline

COUNTED_FOR_SECONDS = 2.0
"""How long counts are kept: a caller that polls must not use up the calls to visibility that the
recovery needs itself."""

HALT_SECONDS = 5.0
"""How long a caller waits for a worker to halt; it does within two."""

SWITCHED = {
    Update.PAUSE: AuditAction.RECOVERY_PAUSED,
    Update.RESUME: AuditAction.RECOVERY_RESUMED,
}


class RecoveryState(StrEnum):
    """The state of a recovery. It is cancelled, too, if its endpoint is deleted or answers 410."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class RecoveryOutcomes:
    """What became of the deliveries that a recovery started; None while they cannot be counted."""

    delivered: int | None = None
    failed: int | None = None
    pending: int | None = None


@dataclass(frozen=True)
class RecoveryDetails:
    """A recovery, and how far it has come."""

    id: str
    request: RecoveryInput
    state: RecoveryState
    progress: RecoveryProgress
    outcomes: RecoveryOutcomes
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class RecoveryService:
    """Begins and follows recoveries. An endpoint has one at a time, because of its workflow id."""

    client: Client
    visibility: Visibility
    lists: ExecutionLists
    task_queue: str
    _recent: TTLCache[str, RecoveryOutcomes] = field(
        default_factory=lambda: TTLCache(1_000, COUNTED_FOR_SECONDS), init=False
    )

    async def begin(self, request: RecoveryInput, *, until_now: bool) -> RecoveryDetails:
        """Begin a recovery; return the running one if it was begun with the same request.

        Raises:
            Problem: 409 another one of this endpoint is running.
        """
        workflow_id = recovery_workflow_id(request.tenant_id, request.endpoint_id)
        try:
            async with at_most(RPC_TIMEOUT):
                handle = await self.client.start_workflow(
                    WorkflowType.RECOVERY,
                    request,
                    id=workflow_id,
                    task_queue=self.task_queue,
                    priority=fair_share(request.tenant_id),
                    memo={MemoKey.RECOVERY: RecoveryView(request=request)},
                    static_summary=f"{request.status} since {request.since:%Y-%m-%d %H:%M}",
                    rpc_timeout=RPC_TIMEOUT,
                )
        except WorkflowAlreadyStartedError:
            return await self._join(workflow_id, request, until_now=until_now)
        run_id = handle.result_run_id or ""
        await self._note(
            request.tenant_id, request.endpoint_id, run_id, AuditAction.RECOVERY_STARTED
        )
        return await self.get(request.tenant_id, request.endpoint_id, run_id)

    async def get(self, tenant_id: str, endpoint_id: str, run_id: str) -> RecoveryDetails:
        """Return a recovery.

        Raises:
            Problem: 404.
        """
        found = await self._describe(recovery_workflow_id(tenant_id, endpoint_id), run_id)
        own_id = recovery_id(endpoint_id, found.run_id)
        return await self._details(found, await self._outcomes(tenant_id, own_id))

    async def page(
        self, tenant_id: str, endpoint_id: str | None, limit: int, cursor: str | None
    ) -> Page[RecoveryDetails]:
        """Return a page of recoveries of a tenant or of one endpoint, those that began last first.

        What became of their deliveries is not counted: that would be a call to visibility for each.
        """
        prefix = recovery_workflow_id(tenant_id, endpoint_id or "")
        wanted = workflow_id_is(prefix) if endpoint_id else workflow_id_starts_with([prefix])

        async def shown(row: Row, _: int) -> RecoveryDetails | None:
            # An underscore in the tenant's id stands for any character in visibility's query.
            if not row.workflow_id.startswith(prefix):
                return None
            try:
                return await self._details(
                    await self._describe(row.workflow_id, row.place.run_id), RecoveryOutcomes()
                )
            except Problem:
                return None  # it was deleted meanwhile

        return await self.lists.page(
            executions_of(WorkflowType.RECOVERY, wanted), limit, cursor, shown, tenant_id=tenant_id
        )

    async def page_of_running(self, limit: int, cursor: str | None) -> Page[RecoveryDetails]:
        """Return a page of the recoveries of all tenants that have not ended, newest first."""

        async def shown(row: Row, _: int) -> RecoveryDetails | None:
            try:
                return await self._details(
                    await self._describe(row.workflow_id, row.place.run_id), RecoveryOutcomes()
                )
            except Problem:
                return None  # it was deleted meanwhile

        running = has_status(WorkflowExecutionStatus.RUNNING)
        return await self.lists.page(
            executions_of(WorkflowType.RECOVERY, running), limit, cursor, shown
        )

    async def switch(
        self, tenant_id: str, endpoint_id: str, run_id: str, update: Update
    ) -> RecoveryDetails:
        """Pause or resume a recovery; once this returns it has halted, or goes on.

        Raises:
            Problem: 404; 409 it has ended; 503 no worker has answered.
        """
        found = await self._describe(recovery_workflow_id(tenant_id, endpoint_id), run_id)
        _refuse_ended(found)
        async with updating("recovery"):
            await self.client.get_workflow_handle(found.id, run_id=found.run_id).execute_update(
                update, Deadline(not_after=deadline()), rpc_timeout=UPDATE_TIMEOUT
            )
        await self._note(tenant_id, endpoint_id, found.run_id, SWITCHED[update])
        return await self.get(tenant_id, endpoint_id, run_id)

    async def cancel(self, tenant_id: str, endpoint_id: str, run_id: str) -> RecoveryDetails:
        """Cancel a recovery; once this returns it starts no more deliveries.

        Raises:
            Problem: 404; 409 it has ended; 503 no worker has answered.
        """
        found = await self._describe(recovery_workflow_id(tenant_id, endpoint_id), run_id)
        if found.status is not WorkflowExecutionStatus.CANCELED:
            _refuse_ended(found)
            handle = self.client.get_workflow_handle(found.id, run_id=found.run_id)
            if not await cancelled(handle, HALT_SECONDS):
                raise conflict("the recovery has just ended")
            await self._note(tenant_id, endpoint_id, found.run_id, AuditAction.RECOVERY_CANCELLED)
        return await self.get(tenant_id, endpoint_id, run_id)

    async def _note(
        self, tenant_id: str, endpoint_id: str, run_id: str, action: AuditAction
    ) -> None:
        subject = recovery_id(endpoint_id, run_id)
        await note(self.client, tenant_id, endpoint_id, action, subject)

    async def _details(
        self, found: WorkflowExecutionDescription, outcomes: RecoveryOutcomes
    ) -> RecoveryDetails:
        view = await _view(found)
        return RecoveryDetails(
            id=recovery_id(view.request.endpoint_id, found.run_id),
            request=view.request,
            state=_state(found, view),
            progress=await self._progress(found, view),
            outcomes=outcomes,
            created_at=found.start_time,
            ended_at=found.close_time,
        )

    async def _join(
        self, workflow_id: str, request: RecoveryInput, *, until_now: bool
    ) -> RecoveryDetails:
        running = await self._describe(workflow_id, None)
        found = await self.get(request.tenant_id, request.endpoint_id, running.run_id)
        until = found.request.until if until_now else request.until
        asked = request.model_copy(update={"until": until})
        if asked.model_dump_json() != found.request.model_dump_json():
            raise conflict(
                f"recovery {found.id} of this endpoint is running; cancel it, or wait for its end"
            )
        return found

    async def _describe(self, workflow_id: str, run_id: str | None) -> WorkflowExecutionDescription:
        handle = self.client.get_workflow_handle(workflow_id, run_id=run_id)
        try:
            async with at_most(RPC_TIMEOUT):
                return await handle.describe(rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
                raise not_found("recovery") from None
            raise

    async def _progress(
        self, found: WorkflowExecutionDescription, view: RecoveryView
    ) -> RecoveryProgress:
        """Return its progress, from wherever that is kept now."""
        for pending in found.raw_description.pending_activities:
            if pending.HasField("heartbeat_details"):
                return await recorded(found, pending, RecoveryProgress)
        return view.progress

    async def _outcomes(self, tenant_id: str, own_id: str) -> RecoveryOutcomes:
        if known := self._recent.get(own_id):
            return known
        own = attribute_is(TENANT_ID, tenant_id), attribute_is(RECOVERY_ID, own_id)
        try:
            counted = await self.visibility.by_status(executions_of(WorkflowType.DELIVERY, *own))
        except Problem:
            return RecoveryOutcomes()  # the recovery itself goes on, and can be followed
        outcomes = self._recent[own_id] = RecoveryOutcomes(
            delivered=counted["Completed"], failed=counted["Failed"], pending=counted["Running"]
        )
        return outcomes


async def _view(found: WorkflowExecutionDescription) -> RecoveryView:
    view: RecoveryView = await found.memo_value(MemoKey.RECOVERY, type_hint=RecoveryView)
    return view


def _state(found: WorkflowExecutionDescription, view: RecoveryView) -> RecoveryState:
    if found.status is WorkflowExecutionStatus.RUNNING:
        return RecoveryState.PAUSED if view.paused else RecoveryState.RUNNING
    completed = found.status is WorkflowExecutionStatus.COMPLETED
    return RecoveryState.COMPLETED if completed else RecoveryState.CANCELLED


def _refuse_ended(found: WorkflowExecutionDescription) -> None:
    if found.status is not WorkflowExecutionStatus.RUNNING:
        raise conflict("the recovery has ended")
