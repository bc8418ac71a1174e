"""What Temporal keeps of an execution: how it began, a delivery's log, a tenant's route table."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from hookwright.models import DeliveryLog, EndpointState, Route
from hookwright.temporal.names import MemoKey

RPC_TIMEOUT = timedelta(seconds=2.5)
"""For one call to Temporal: a caller of the API learns within 3 s that Temporal is away."""

UNREADABLE = (RuntimeError, ValueError, LookupError)
"""What decoding raises of a payload that is none of ours, or whose key is missing."""

Model = TypeVar("Model", bound=BaseModel)


async def described(
    client: Client, workflow_id: str, rpc_timeout: timedelta | None = None
) -> WorkflowExecutionDescription | None:
    """Return what the server knows of a workflow's latest run, or None if there is none."""
    try:
        return await client.get_workflow_handle(workflow_id).describe(rpc_timeout=rpc_timeout)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


async def reached(call: Awaitable[object]) -> bool:
    """Await a call to a workflow; tell whether it was still there."""
    try:
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
            # A null is what is left of a slice that became empty.
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


async def recorded(client: Client, pending: PendingActivityInfo, kind: type[Model]) -> Model:
    """Return what a pending activity carries in its heartbeat details; an empty one if nothing."""
    payloads = pending.heartbeat_details.payloads
    if not payloads:
        return kind()
    [details] = await client.data_converter.decode(payloads, [kind])
    return kind.model_validate(details)


async def ended_log(client: Client, ended: WorkflowExecutionDescription) -> DeliveryLog:
    """Return the attempts of a delivery that has ended."""
    if ended.status in (WorkflowExecutionStatus.COMPLETED, WorkflowExecutionStatus.FAILED):
        return await _result(client, ended) or await kept_log(ended)
    return await kept_log(ended)


async def kept_log(delivery: WorkflowExecutionDescription) -> DeliveryLog:
    """Return the log that a delivery began with, or put aside when it was retried or cancelled."""
    kept = await delivery.memo_value(MemoKey.ATTEMPTS, None, type_hint=DeliveryLog)
    return kept or DeliveryLog()


async def _result(client: Client, ended: WorkflowExecutionDescription) -> DeliveryLog | None:
    handle: Any = client.get_workflow_handle(ended.id, run_id=ended.run_id, result_type=DeliveryLog)
    try:
        log: DeliveryLog = await handle.result(rpc_timeout=RPC_TIMEOUT)
    except WorkflowFailureError as error:
        if isinstance(error.cause, ApplicationError) and error.cause.details:
            return DeliveryLog.model_validate(error.cause.details[0])
        return None
    return log


async def first_entry(client: Client, workflow_id: str, run_id: str | None = None) -> HistoryEvent:
    """Return how a run (the last, if none is named) began: its argument, and what it began with.

    Raises:
        RPCError: it was erased (NOT_FOUND).
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    return await anext(handle.fetch_history_events(page_size=1, rpc_timeout=RPC_TIMEOUT))


async def delete_execution(client: Client, workflow_id: str, run_id: str = "") -> None:
    """Have one run (the last, if none is named) deleted with its history; an open one ends first.

    Temporal does so at once, or within a minute for what has just ended. Safe to repeat.
    """
    request = DeleteWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
    )
    await reached(client.workflow_service.delete_workflow_execution(request, retry=True))
