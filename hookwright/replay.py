"""Replay: what has ended is sent anew, under the same webhook id.

Why it is a new run, and why it starts once: docs/decisions/0013-replay.md.
"""

from itertools import accumulate, takewhile

from temporalio.api.common.v1 import Memo
from temporalio.api.enums.v1 import WorkflowIdReusePolicy
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError, RPCStatusCode

from hookwright.ids import ATTEMPTS_MEMO
from hookwright.logs import RPC_TIMEOUT, ended_log
from hookwright.models import Attempt, DeliveryLog
from hookwright.outcomes import Trigger

MAX_EARLIER, MAX_EARLIER_CHARACTERS = 10, 100_000
"""Attempts of earlier runs that a replay shows: its log must have room for its own."""


async def replay(client: Client, ended: WorkflowExecutionDescription, trigger: Trigger) -> None:
    """Start an ended delivery anew, as a new run of the same workflow id.

    The request's id is derived from the run that ended: however often that run is replayed, at
    once or again, Temporal starts one.

    Raises:
        RPCError: Temporal did not take it, or the run is erased (NOT_FOUND).
    """
    first = await _first_entry(client, ended)
    began = first.workflow_execution_started_event_attributes
    attempts = (await ended_log(client, ended)).attempts
    earlier = DeliveryLog(attempts=_latest(attempts), trigger=trigger)
    [memo] = await client.data_converter.encode([earlier])
    try:
        await client.workflow_service.start_workflow_execution(
            StartWorkflowExecutionRequest(
                namespace=client.namespace,
                identity=client.identity,
                request_id=f"replay of {ended.run_id}",
                workflow_id=ended.id,
                workflow_id_reuse_policy=WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
                workflow_type=began.workflow_type,
                task_queue=TaskQueue(name=ended.task_queue),
                workflow_task_timeout=began.workflow_task_timeout,
                input=began.input,
                memo=Memo(fields={ATTEMPTS_MEMO: memo}),
                search_attributes=began.search_attributes,
                user_metadata=first.user_metadata,
            ),
            retry=True,
            timeout=RPC_TIMEOUT,
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:  # somebody else did, and it runs
            raise


async def _first_entry(client: Client, run: WorkflowExecutionDescription) -> HistoryEvent:
    handle = client.get_workflow_handle(run.id, run_id=run.run_id)
    return await anext(handle.fetch_history_events(page_size=1, rpc_timeout=RPC_TIMEOUT))


def _latest(attempts: list[Attempt]) -> list[Attempt]:
    """Return the latest attempts, as many as there is room for."""
    newest_first = attempts[::-1][:MAX_EARLIER]
    sizes = accumulate(len(attempt.model_dump_json()) for attempt in newest_first)
    fitting = sum(1 for _ in takewhile(MAX_EARLIER_CHARACTERS.__ge__, sizes))
    return newest_first[:fitting][::-1]
