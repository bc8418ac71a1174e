"""What Temporal keeps of an execution: its beginning, a delivery's log, a tenant's routes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from cachetools import LRUCache
from pydantic import BaseModel
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState, PendingWorkflowTaskState
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.converter import DataConverter, WorkflowSerializationContext
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from hookwright.models import DeliveryLog, EndpointState, Route
from hookwright.temporal.names import MemoKey

RPC_TIMEOUT = timedelta(seconds=2.5)
"""For one call to Temporal: a caller of the API learns within 3 s that Temporal is away."""

DELETION_TIMEOUT = timedelta(seconds=10)

UNREADABLE = (RuntimeError, ValueError, LookupError)
"""What decoding raises for a payload that Hookwright did not write, or whose key is missing."""

Model = TypeVar("Model", bound=BaseModel)

MAX_REMEMBERED_RUNS = 10_000


@asynccontextmanager
async def at_most(rpc_timeout: timedelta | None) -> AsyncIterator[None]:
    """Bound a call with its repeats: the SDK repeats what is refused for 10 s or so in any case.

    Raises:
        RPCError: there was no answer in time (DEADLINE_EXCEEDED).
    """
    try:
        async with asyncio.timeout(rpc_timeout.total_seconds() if rpc_timeout else None):
            yield
    except TimeoutError:
        raise RPCError("no answer in time", RPCStatusCode.DEADLINE_EXCEEDED, b"") from None


async def described(
    client: Client,
    workflow_id: str,
    rpc_timeout: timedelta | None = None,
    *,
    run_id: str | None = None,
) -> WorkflowExecutionDescription | None:
    """Return what the server knows of a run, or None if there is none.

    It is the workflow's latest one unless `run_id` names another.
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    try:
        async with at_most(rpc_timeout):
            return await handle.describe(rpc_timeout=rpc_timeout)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


def waits_for_worker(execution: WorkflowExecutionDescription) -> bool:
    """Return whether a task of it is in a task queue, where no worker has taken it so far.

    The second try of an activity does not count: it may wait for its time.
    """
    raw = execution.raw_description
    waiting = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED
    return raw.pending_workflow_task.state == waiting or any(
        it.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED and it.attempt <= 1
        for it in raw.pending_activities
    )


@dataclass(frozen=True)
class LatestRuns:
    """Reads workflows that live long, tenants and endpoints, again and again.

    It remembers which run was the latest one, and asks for that one first. If it still runs, it is
    the latest: a workflow has one open run. The server has it in memory. Asked for whichever run is
    the latest, it would look that up in its database each time.
    """

    _of: LRUCache[str, str] = field(
        default_factory=lambda: LRUCache(MAX_REMEMBERED_RUNS), init=False
    )

    async def described(
        self, client: Client, workflow_id: str, rpc_timeout: timedelta | None = None
    ) -> WorkflowExecutionDescription | None:
        """Return what the server knows of a workflow's latest run, or None if there is none.

        Raises:
            RPCError: Temporal did not say, or not within `rpc_timeout`, with all repeats.
        """
        async with at_most(rpc_timeout):
            if run_id := self._of.get(workflow_id):
                found = await described(client, workflow_id, rpc_timeout, run_id=run_id)
                if _runs(found):
                    return found
            found = await described(client, workflow_id, rpc_timeout)
        if found and _runs(found):
            self._of[workflow_id] = found.run_id
        else:
            self._of.pop(workflow_id, None)
        return found


async def reached(call: Awaitable[object], rpc_timeout: timedelta | None = None) -> bool:
    """Await a call to a workflow; return whether the workflow was still there.

    Raises:
        RPCError: Temporal did not take it, or not within `rpc_timeout`, with all repeats.
    """
    try:
        async with at_most(rpc_timeout):
            await call
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def routes_of(tenant: WorkflowExecutionDescription) -> list[Route]:
    """Return a tenant's route table: its endpoints, in the order of registration."""
    slices: dict[int, list[Route]] = {}
    for key in tenant.raw_description.workflow_execution_info.memo.fields:
        name, _, number = key.partition(".")
        if name == MemoKey.ROUTES:
            # A slice that became empty leaves a null.
            routes = await tenant.memo_value(key, type_hint=list[Route])
            slices[int(number or 0)] = routes or []
    return [route for number in sorted(slices) for route in slices[number]]


async def endpoint_of(
    endpoint: WorkflowExecutionDescription | None,
) -> EndpointState | None:
    """Return an endpoint's state, or None if it was deleted, or never created."""
    if endpoint is None or endpoint.status is not WorkflowExecutionStatus.RUNNING:
        return None
    state = await endpoint.memo_value(MemoKey.ENDPOINT, None, type_hint=EndpointState)
    return None if state is None or state.deleted else state


def converter_of(client: Client, workflow_id: str) -> DataConverter:
    """Return the client's data converter for payloads of one workflow, which are bound to it."""
    return client.data_converter.with_context(
        WorkflowSerializationContext(client.namespace, workflow_id)
    )


async def recorded(
    execution: WorkflowExecutionDescription, pending: PendingActivityInfo, kind: type[Model]
) -> Model:
    """Return the heartbeat details of a pending activity; an empty model if there are none."""
    payloads = pending.heartbeat_details.payloads
    if not payloads:
        return kind()
    [details] = await execution.data_converter.decode(payloads, [kind])
    return kind.model_validate(details)


async def ended_log(client: Client, ended: WorkflowExecutionDescription) -> DeliveryLog:
    """Return the attempts of a delivery that has ended."""
    if ended.status in (WorkflowExecutionStatus.COMPLETED, WorkflowExecutionStatus.FAILED):
        return await _result(client, ended) or await kept_log(ended)
    return await kept_log(ended)


async def kept_log(delivery: WorkflowExecutionDescription) -> DeliveryLog:
    """Return the log in a delivery's memo: the one it began with, or kept when it was retried."""
    kept = await delivery.memo_value(MemoKey.ATTEMPTS, None, type_hint=DeliveryLog)
    return kept or DeliveryLog()


async def _result(client: Client, ended: WorkflowExecutionDescription) -> DeliveryLog | None:
    handle: Any = client.get_workflow_handle(ended.id, run_id=ended.run_id, result_type=DeliveryLog)
    try:
        async with at_most(RPC_TIMEOUT):
            log: DeliveryLog = await handle.result(rpc_timeout=RPC_TIMEOUT)
    except WorkflowFailureError as error:
        if isinstance(error.cause, ApplicationError) and error.cause.details:
            return DeliveryLog.model_validate(error.cause.details[0])
        return None
    return log


async def first_entry(client: Client, workflow_id: str, run_id: str | None = None) -> HistoryEvent:
    """Return the first history event of a run (the last run, if none is named): its argument etc.

    Raises:
        RPCError: it was erased (NOT_FOUND).
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    async with at_most(RPC_TIMEOUT):
        return await anext(handle.fetch_history_events(page_size=1, rpc_timeout=RPC_TIMEOUT))


async def delete_execution(client: Client, workflow_id: str, run_id: str = "") -> None:
    """Have one run, the last one if none is named, deleted with its history; a running one ends.

    Temporal does it at once, or within a minute if the run has just ended. Safe to repeat.
    """
    request = DeleteWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
    )
    await reached(
        client.workflow_service.delete_workflow_execution(
            request, retry=True, timeout=DELETION_TIMEOUT
        )
    )


def _runs(found: WorkflowExecutionDescription | None) -> bool:
    return found is not None and found.status is WorkflowExecutionStatus.RUNNING
