"""Looking into what is stored for anything under an old key.

The log of keys says when a key was left, and not who goes on writing under it: a process whose list
of keys was never changed, or a service that publishes through Temporal. So whether a key was left
for good is read off all that Temporal has stored since then.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from itertools import compress

from temporalio.api.common.v1 import WorkflowExecution as ExecutionName
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
)
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.grouping import grouped
from activities.keys.lasting import RENEWED
from hookwright.temporal import (
    RPC_TIMEOUT,
    START_TIME,
    WorkflowType,
    executions_of,
    has_status,
    time_between,
)

AT_ONCE, PAUSE_SECONDS = 10, 0.02
"""At most 500 workflows a second are looked into, so that deliveries go on meanwhile."""

NEEDS_NO_OLD_KEY = (WorkflowType.ENCRYPTION_KEYS, WorkflowType.REENCRYPTION)
"""What they hold is an id of a key, and read by nobody who lacks the key."""

RUNNING = has_status(WorkflowExecutionStatus.RUNNING)

Told = Callable[[int], None]
"""Is told how many workflows more were looked into."""


def queries_since(left_at: datetime) -> list[str]:
    """Return the queries for all that may not have anything under a key that was left at a time.

    What lives long was rewritten before that, so it is looked into whenever its run began.
    """
    kinds = [kind for kind in WorkflowType if kind not in NEEDS_NO_OLD_KEY]
    later = [executions_of(kind, time_between(START_TIME, left_at, None)) for kind in kinds]
    earlier = time_between(START_TIME, None, left_at)
    return later + [executions_of(kind, RUNNING, earlier) for kind in RENEWED]


async def found_under(
    client: Client, key_id: str, left_at: datetime, told: Told
) -> AsyncIterator[WorkflowExecution]:
    """Yield the workflows with anything under a key that was left, though none should have it.

    Each page of each history is looked into, and the heartbeats of what runs.
    """
    needle = metadata_entry(key_id)
    for query in queries_since(left_at):
        async for rows in grouped(client.list_workflows(query, page_size=100), AT_ONCE):
            looks = await asyncio.gather(*(_has(client, row, needle) for row in rows))
            told(len(rows))
            for row in compress(rows, looks):
                yield row
            await asyncio.sleep(PAUSE_SECONDS)


def metadata_entry(key_id: str) -> bytes:
    """Return the entry of a payload's metadata that names a key, as protobuf writes it.

    So payloads are found wherever they are in a message, in fields of later versions of Temporal
    too.
    """
    name, value = b"key-id", key_id.encode()
    return b"\x0a%c%b\x12%c%b" % (len(name), name, len(value), value)


async def _has(client: Client, row: WorkflowExecution, needle: bytes) -> bool:
    """Return whether this is in anything that Temporal keeps of an execution."""
    execution = ExecutionName(workflow_id=row.id, run_id=row.run_id)
    service, namespace = client.workflow_service, client.namespace
    try:
        if row.status is WorkflowExecutionStatus.RUNNING:
            described = await service.describe_workflow_execution(
                DescribeWorkflowExecutionRequest(namespace=namespace, execution=execution),
                timeout=RPC_TIMEOUT,
                retry=True,
            )
            if needle in described.SerializeToString():
                return True
        token, more = b"", True
        while more:
            request = GetWorkflowExecutionHistoryRequest(
                namespace=namespace, execution=execution, next_page_token=token
            )
            page = await service.get_workflow_execution_history(
                request, timeout=RPC_TIMEOUT, retry=True
            )
            if needle in page.SerializeToString():
                return True
            token = page.next_page_token
            more = bool(token)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    return False  # it was erased meanwhile, or has nothing under that key
