"""Starting deliveries: those of a fan-out and of a recovery, and the only one of an event."""

from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from hookwright.ids import delivery_workflow_id, event_workflow_id
from hookwright.models import DeliveryInput, DeliveryLog
from hookwright.outcomes import Trigger
from hookwright.temporal.fairness import fair_share
from hookwright.temporal.names import MemoKey, WorkflowType
from hookwright.temporal.publishing import publish_span
from hookwright.temporal.search_attributes import delivery_search_attributes
from hookwright.tracing import Span, SpanKind, span

TASK_TIMEOUT = timedelta(seconds=6)
"""After this time the first attempt of a killed worker is made again. If an attempt takes longer,
its worker reports to Temporal in time that the task goes on."""


async def start_delivery(
    client: Client, task_queue: str, delivery: DeliveryInput, recovery: str | None = None
) -> None:
    """Start a delivery, unless the event has one to this endpoint already.

    `recovery` is the id of the recovery that starts it, or None.
    """
    event = delivery.event
    workflow_id = delivery_workflow_id(event.tenant_id, delivery.endpoint_id, event.id)
    try:
        with _recovery_span(delivery) if recovery else nullcontext():
            await _start(client, task_queue, delivery, workflow_id, recovery=recovery)
    except WorkflowAlreadyStartedError:
        return


async def publish_sole_delivery(
    client: Client,
    delivery: DeliveryInput,
    *,
    task_queue: str,
    rpc_timeout: timedelta | None = None,
) -> None:
    """Accept an event that goes to one endpoint only: its delivery is started under the event's id.

    Raises:
        WorkflowAlreadyStartedError: an event with this id was accepted before.
        RPCError: Temporal did not store it. Publish it again, with the same id.
    """
    workflow_id = event_workflow_id(delivery.event.tenant_id, delivery.event.id)
    with publish_span(delivery.event):
        await _start(client, task_queue, delivery, workflow_id, rpc_timeout=rpc_timeout)


async def _start(  # noqa: PLR0913 - what one call to Temporal needs
    client: Client,
    task_queue: str,
    delivery: DeliveryInput,
    workflow_id: str,
    *,
    recovery: str | None = None,
    rpc_timeout: timedelta | None = None,
) -> None:
    await client.start_workflow(
        WorkflowType.DELIVERY,
        delivery,
        id=workflow_id,
        task_queue=task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        search_attributes=delivery_search_attributes(delivery, recovery),
        static_summary=delivery.event.type,
        task_timeout=TASK_TIMEOUT,
        request_eager_start=True,
        priority=fair_share(delivery.event.tenant_id),
        memo={MemoKey.ATTEMPTS: DeliveryLog(trigger=Trigger.RECOVERY)} if recovery else None,
        rpc_timeout=rpc_timeout,
    )


def _recovery_span(delivery: DeliveryInput) -> AbstractContextManager[Span]:
    """Return the span in which a recovery starts the delivery of an event that had none.

    It begins a trace: one of the whole recovery could have a hundred thousand attempts.
    """
    facts = {
        "hookwright.tenant_id": delivery.event.tenant_id,
        "hookwright.endpoint_id": delivery.endpoint_id,
        "hookwright.event_id": delivery.event.id,
    }
    return span("recover delivery", SpanKind.PRODUCER, facts)
