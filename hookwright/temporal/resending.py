"""Resending: a delivery that has ended is sent again, under the same webhook id.

docs/decisions/0013-resend.md says why it is a new run, and why it starts only once.
"""

from collections.abc import Sequence
from itertools import accumulate, takewhile

from temporalio.api.common.v1 import Memo, Payload, Payloads, SearchAttributes
from temporalio.api.enums.v1 import WorkflowIdReusePolicy
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.converter import DataConverter, encode_typed_search_attribute_value
from temporalio.service import RPCError, RPCStatusCode

from hookwright.models import Attempt, DeliveryLog
from hookwright.outcomes import Trigger
from hookwright.temporal.codec import EncryptionCodec, is_encrypted, key_id_of
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
    converter = converter_of(client, ended.id)
    [memo] = await converter.encode([earlier])
    metadata = UserMetadata()
    metadata.CopyFrom(first.user_metadata)
    if metadata.HasField("summary"):
        [summary] = await _under_current_key(converter, [metadata.summary])
        metadata.summary.CopyFrom(summary)
    return StartWorkflowExecutionRequest(
        namespace=client.namespace,
        identity=client.identity,
        request_id=f"resend of {ended.run_id}",
        workflow_id=ended.id,
        workflow_id_reuse_policy=WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
        workflow_type=began.workflow_type,
        task_queue=TaskQueue(name=ended.task_queue),
        workflow_task_timeout=began.workflow_task_timeout,
        input=Payloads(payloads=await _under_current_key(converter, began.input.payloads)),
        memo=Memo(fields={MemoKey.ATTEMPTS: memo}),
        search_attributes=_search_attributes(began.search_attributes, recovery),
        user_metadata=metadata,
        priority=began.priority,
        header=began.header,  # with the trace of the request that published it
    )


async def _under_current_key(
    converter: DataConverter, payloads: Sequence[Payload]
) -> list[Payload]:
    """Return payloads of the run before, those under an older key written under the current one.

    As they are, they would need the older key for as long as the new run is kept.
    """
    codec = converter.payload_codec
    assert isinstance(codec, EncryptionCodec)  # noqa: S101 - `connect` makes no other client
    written = []
    for payload in payloads:
        older = is_encrypted(payload) and key_id_of(payload) != codec.current_key_id
        [clear] = await codec.decode([payload]) if older else [payload]
        readable = older and not is_encrypted(clear)
        written += await codec.encode([clear]) if readable else [payload]
    return written


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
