"""Accepted events, and their deliveries, as Temporal keeps them.

An event that went to exactly one endpoint when it was published is one execution: its delivery,
under the event's id. Any other event is an `Event`, whose deliveries have ids of their own. See
docs/decisions/0025-sole-delivery.md.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus

from hookwright.ids import delivery_workflow_id, event_workflow_id
from hookwright.models import DeliveryInput, EventInput
from hookwright.temporal.executions import RPC_TIMEOUT, converter_of, described, first_entry
from hookwright.temporal.names import MemoKey, WorkflowType
from hookwright.temporal.queries import (
    all_of,
    attribute_is,
    attribute_unset,
    has_status,
    type_is,
    workflow_id_starts_with,
)
from hookwright.temporal.search_attributes import ENDPOINT_ID, RECOVERY_ID, TENANT_ID

COMPLETED = WorkflowExecutionStatus.COMPLETED


@dataclass(frozen=True)
class AcceptedEvent:
    """An event with the time when it happened as `created_at`, and when it was accepted.

    `resent`: the run that it was read from is a resend of its sole delivery.
    """

    event: EventInput
    accepted_at: datetime
    resent: bool


def accepted_events(tenant_id: str, *conditions: str) -> str:
    """Return the query for a tenant's events that meet all conditions.

    It finds each resend of an event's sole delivery that a person asked for, too
    (`AcceptedEvent.resent`). Those of a recovery are left out here: thousands of them at once would
    each be read by a list only to be skipped, and its first pages would be empty.
    """
    prefix = event_workflow_id(tenant_id, "")
    # An underscore in the id stands for any character in the first condition.
    return all_of(
        workflow_id_starts_with([prefix]),
        attribute_is(TENANT_ID, tenant_id),
        attribute_unset(RECOVERY_ID),
        *conditions,
    )


def fanned_out_events(tenant_id: str, *conditions: str) -> str:
    """Return the query for those events of which it is settled where they go."""
    is_settled = f"({type_is(WorkflowType.DELIVERY)} OR {has_status(COMPLETED)})"
    return accepted_events(tenant_id, is_settled, *conditions)


def is_sole_delivery(execution: WorkflowExecutionDescription) -> bool:
    """Return whether an event's execution is its only delivery."""
    return execution.workflow_type == WorkflowType.DELIVERY


async def accepted_event(
    client: Client, workflow_id: str, run_id: str | None = None
) -> AcceptedEvent:
    """Return the event that a run (the last one, if none is named) was started with.

    Raises:
        RPCError: it was erased (NOT_FOUND), or Temporal is away.
        RuntimeError, ValueError, LookupError: what is stored there is no event, or its key is
            missing (`hookwright.temporal.UNREADABLE`).
    """
    first = await first_entry(client, workflow_id, run_id)
    started = first.workflow_execution_started_event_attributes
    payloads, began = started.input.payloads, first.event_time.ToDatetime(UTC)
    converter = converter_of(client, workflow_id)
    if started.workflow_type.name == WorkflowType.DELIVERY:
        delivery: DeliveryInput
        [delivery] = await converter.decode(payloads, [DeliveryInput])
        event = delivery.event.model_copy(update={"created_at": delivery.happened_at})
        accepted_at = delivery.accepted_at or began
        return AcceptedEvent(event, accepted_at, resent=MemoKey.ATTEMPTS in started.memo.fields)
    [event] = await converter.decode(payloads, [EventInput])
    happened = event.model_copy(update={"created_at": event.created_at or began})
    return AcceptedEvent(happened, max(began, event.deliver_at or began), resent=False)


async def described_delivery(
    client: Client, tenant_id: str, endpoint_id: str, event_id: str
) -> WorkflowExecutionDescription | None:
    """Return what the server knows of an event's delivery to an endpoint, or None."""
    event = await described(client, event_workflow_id(tenant_id, event_id), RPC_TIMEOUT)
    if event and is_sole_delivery(event) and _endpoint_id(event) == endpoint_id:
        return event
    return await described(
        client, delivery_workflow_id(tenant_id, endpoint_id, event_id), RPC_TIMEOUT
    )


def _endpoint_id(delivery: WorkflowExecutionDescription) -> str:
    return delivery.typed_search_attributes[ENDPOINT_ID]
