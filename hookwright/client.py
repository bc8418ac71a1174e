"""Publish straight from a service that has a Temporal client, without REST.

Any SDK can do the same: see "Publish from a service" in the README.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.common import WorkflowIDReusePolicy as Reuse

from hookwright.delays import delay_until
from hookwright.executions import reached
from hookwright.ids import EVENT_WORKFLOW, TASK_QUEUE, event_workflow_id
from hookwright.models import DeliveryInput, EventInput

TENANT_ID = SearchAttributeKey.for_keyword("TenantId")
ENDPOINT_ID = SearchAttributeKey.for_keyword("EndpointId")
EVENT_ID = SearchAttributeKey.for_keyword("EventId")
EVENT_TYPE = SearchAttributeKey.for_keyword("EventType")
DELIVERY_STATE = SearchAttributeKey.for_keyword("DeliveryState")
ACCEPTED_AT = SearchAttributeKey.for_datetime("AcceptedAt")
HELD_SINCE = SearchAttributeKey.for_datetime("HeldSince")
RECOVERY_ID = SearchAttributeKey.for_keyword("RecoveryId")

SEARCH_ATTRIBUTES = (
    *(TENANT_ID, ENDPOINT_ID, EVENT_ID, EVENT_TYPE),
    *(DELIVERY_STATE, ACCEPTED_AT, HELD_SINCE, RECOVERY_ID),
)
"""What a namespace must have registered; `hookwright setup` does."""


def event_search_attributes(event: EventInput) -> TypedSearchAttributes:
    """Return what lists of events are filtered by. Never encrypted: ids and types only."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(TENANT_ID, event.tenant_id),
            SearchAttributePair(EVENT_ID, event.id),
            SearchAttributePair(EVENT_TYPE, event.type),
        ]
    )


def delivery_search_attributes(
    delivery: DeliveryInput, recovery: str | None = None
) -> TypedSearchAttributes:
    """Return what the delivery log is filtered by, and what a recovery counts its own by."""
    return TypedSearchAttributes(
        [
            *event_search_attributes(delivery.event).search_attributes,
            SearchAttributePair(ENDPOINT_ID, delivery.endpoint_id),
            *([SearchAttributePair(RECOVERY_ID, recovery)] if recovery else []),
        ]
    )


async def publish(
    client: Client,
    event: EventInput,
    *,
    task_queue: str = TASK_QUEUE,
    rpc_timeout: timedelta | None = None,
) -> WorkflowHandle[Any, Any]:
    """Accept an event: when this returns, it is stored and will be delivered.

    The client's data converter must have Hookwright's payload codec (`runtime.temporal.connect`).

    Raises:
        ValueError: it is to be delivered more than a year ahead.
        WorkflowAlreadyStartedError: an event with this id was accepted before. A repeat after a
            lost answer ends here too: nothing is sent twice.
        RPCError: Temporal did not store it. Publish it again, with the same id.
    """
    return await client.start_workflow(
        EVENT_WORKFLOW,
        event,
        id=event_workflow_id(event.tenant_id, event.id),
        task_queue=task_queue,
        id_reuse_policy=Reuse.REJECT_DUPLICATE,
        search_attributes=event_search_attributes(event),
        static_summary=event.type,
        start_delay=delay_until(event.deliver_at, datetime.now(UTC)),
        rpc_timeout=rpc_timeout,
    )


async def delete_execution(client: Client, workflow_id: str, run_id: str = "") -> None:
    """Have one run (the last, if none is named) deleted with its history; an open one ends first.

    Temporal does so at once, or within a minute for what has just ended. Safe to repeat.
    """
    request = DeleteWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
    )
    await reached(client.workflow_service.delete_workflow_execution(request, retry=True))
