"""Places in an endpoint's queue: the workflow is started by the first one that is taken."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from hookwright.ids import EVENT_PREFIX, queue_workflow_id
from hookwright.queueing import QueuePlace, QueueState, QueueView
from hookwright.temporal.executions import RPC_TIMEOUT, described, reached
from hookwright.temporal.fairness import fair_share
from hookwright.temporal.names import MemoKey, Signal, WorkflowType
from hookwright.temporal.search_attributes import ENDPOINT_ID, TENANT_ID


async def take_places(  # noqa: PLR0913 - what one call to Temporal needs
    client: Client,
    task_queue: str,
    tenant_id: str,
    endpoint_id: str,
    places: Sequence[QueuePlace],
    rpc_timeout: timedelta | None = None,
) -> None:
    """Take places in the queue of an endpoint, in this order. A place that is taken stays.

    Raises:
        RPCError: Temporal did not store it.
    """
    attributes = [
        SearchAttributePair(TENANT_ID, tenant_id),
        SearchAttributePair(ENDPOINT_ID, endpoint_id),
    ]
    await client.start_workflow(
        WorkflowType.ENDPOINT_QUEUE,
        QueueState(tenant_id=tenant_id, endpoint_id=endpoint_id),
        id=queue_workflow_id(tenant_id, endpoint_id),
        task_queue=task_queue,
        start_signal=Signal.TAKE_PLACES,
        start_signal_args=[list(places)],
        search_attributes=TypedSearchAttributes(attributes),
        priority=fair_share(tenant_id),
        rpc_timeout=rpc_timeout,
    )


async def queue_view(client: Client, tenant_id: str, endpoint_id: str) -> QueueView:
    """Return what an endpoint's queue shows, which may be a few seconds old.

    Raises:
        RPCError: Temporal is away.
    """
    workflow_id = queue_workflow_id(tenant_id, endpoint_id)
    description = await described(client, workflow_id, RPC_TIMEOUT)
    if description is None or description.status is not WorkflowExecutionStatus.RUNNING:
        return QueueView()
    view = await description.memo_value(MemoKey.QUEUE, None, type_hint=QueueView)
    return view or QueueView()


async def have_rules_read(client: Client, tenant_id: str, endpoint_id: str) -> None:
    """Have an endpoint's queue, if there is one, read the endpoint, which was changed.

    Raises:
        RPCError: Temporal is away.
    """
    queue = client.get_workflow_handle(queue_workflow_id(tenant_id, endpoint_id))
    await reached(queue.signal(Signal.CHANGED, rpc_timeout=RPC_TIMEOUT))


def is_event_workflow_id(workflow_id: str) -> bool:
    """Return whether this is the workflow id of an event, which its sole delivery has, too."""
    return workflow_id.startswith(EVENT_PREFIX)
