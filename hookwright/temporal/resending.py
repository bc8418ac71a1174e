"""Resending: a delivery that has ended is sent again, under the same webhook id.

docs/decisions/0013-resend.md says why it is a new run, and why it starts only once.
"""

from itertools import accumulate, takewhile

from temporalio.api.common.v1 import Memo, SearchAttributes
from temporalio.api.enums.v1 import WorkflowIdReusePolicy
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.converter import encode_typed_search_attribute_value
from temporalio.service import RPCError, RPCStatusCode

from hookwright.models import Attempt, DeliveryLog
from hookwright.outcomes import Trigger
from hookwright.temporal.executions import RPC_TIMEOUT, converter_of, ended_log, first_entry
from hookwright.temporal.names import MemoKey
from hookwright.temporal.search_attributes import RECOVERY_ID

MAX_EARLIER, MAX_EARLIER_CHARACTERS = 10, 30_000
"""Attempts of earlier runs that a resend shows: its log must have room for its own."""


async def resend(client: Client, ended: WorkflowExecutionDescription, trigger: Trigger) -> None:
    """Send an ended delivery again, as a new run of the same workflow id.

    Raises:
        RPCError: Temporal did not take it, or the run is erased (NOT_FOUND).
    """
    await start_resend(client, await resend_request(client, ended, trigger))


async def resend_request(
    client: Client,
    ended: WorkflowExecutionDescription,
    trigger: Trigger,
    recovery: str | None = None,
) -> StartWorkflowExecutionRequest:
    """Return the request that sends an ended delivery again.

    Its request id is derived from the run that ended. So however often that run is resent, at the
    same time or later, Temporal starts one.

    Raises:
        RPCError: the run is erased (NOT_FOUND), or Temporal is away.
    """
    first = await first_entry(client, ended.id, ended.run_id)
    began = first.workflow_execution_started_event_attributes
    attempts = (await ended_log(client, ended)).attempts
    earlier = DeliveryLog(attempts=_latest(attempts), trigger=trigger)
    [memo] = await converter_of(client, ended.id).encode([earlier])
    return StartWorkflowExecutionRequest(
        namespace=client.namespace,
        identity=client.identity,
        request_id=f"resend of {ended.run_id}",
        workflow_id=ended.id,
        workflow_id_reuse_policy=WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
        workflow_type=began.workflow_type,
        task_queue=TaskQueue(name=ended.task_queue),
        workflow_task_timeout=began.workflow_task_timeout,
        input=began.input,
        memo=Memo(fields={MemoKey.ATTEMPTS: memo}),
        search_attributes=_search_attributes(began.search_attributes, recovery),
        user_metadata=first.user_metadata,
        priority=began.priority,
        header=began.header,  # with the trace of the request that published it
    )


async def start_resend(client: Client, request: StartWorkflowExecutionRequest) -> None:
    """Start it; do nothing if a run is under way.

    Raises:
        RPCError: Temporal did not take it.
    """
    try:
        await client.workflow_service.start_workflow_execution(
            request, retry=True, timeout=RPC_TIMEOUT
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


def _search_attributes(earlier: SearchAttributes, recovery: str | None) -> SearchAttributes:
    """Return the search attributes of the run before, with this recovery's id or without one."""
    fields = {name: it for name, it in earlier.indexed_fields.items() if name != RECOVERY_ID.name}
    if recovery:
        fields[RECOVERY_ID.name] = encode_typed_search_attribute_value(RECOVERY_ID, recovery)
    return SearchAttributes(indexed_fields=fields)


def _latest(attempts: list[Attempt]) -> list[Attempt]:
    """Return the latest attempts, as many as there is room for."""
    newest_first = attempts[::-1][:MAX_EARLIER]
    sizes = accumulate(len(attempt.model_dump_json()) for attempt in newest_first)
    fitting = sum(1 for _ in takewhile(MAX_EARLIER_CHARACTERS.__ge__, sizes))
    return newest_first[:fitting][::-1]
