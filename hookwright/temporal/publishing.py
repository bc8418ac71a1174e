"""Publish straight from a service that has a Temporal client, without REST.

A client in any language can do the same (docs/publishing.md).
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy as Reuse

from hookwright.ids import TASK_QUEUE, event_workflow_id
from hookwright.models import EventInput
from hookwright.temporal.fairness import fair_share
from hookwright.temporal.names import WorkflowType
from hookwright.temporal.search_attributes import event_search_attributes
from hookwright.times import delay_until
from hookwright.tracing import Span, SpanKind, span


async def publish(
    client: Client,
    event: EventInput | Mapping[str, Any],
    *,
    task_queue: str = TASK_QUEUE,
    rpc_timeout: timedelta | None = None,
) -> WorkflowHandle[Any, Any]:
    """Accept an event: when this returns, it is stored and will be delivered.

    `event` may be a mapping with the fields of `EventInput`: `tenant_id`, `id`, `type` and `data`,
    and those that are optional. The client is one of `hookwright.connect`. The tenant must exist,
    or the `Event` workflow fails and says so.

    Raises:
        ValidationError: it is not an event; a ValueError, which names the field at fault.
        ValueError: it is to be delivered more than a year ahead.
        WorkflowAlreadyStartedError: an event with this id was accepted before. A repeat after a
            lost answer ends here too: nothing is sent twice.
        RPCError: Temporal did not store it. Publish it again, with the same id.
    """
    event = EventInput.model_validate(event)
    with publish_span(event):
        return await client.start_workflow(
            WorkflowType.EVENT,
            event,
            id=event_workflow_id(event.tenant_id, event.id),
            task_queue=task_queue,
            id_reuse_policy=Reuse.REJECT_DUPLICATE,
            search_attributes=event_search_attributes(event),
            static_summary=event.type,
            start_delay=delay_until(event.deliver_at, datetime.now(UTC)),
            priority=fair_share(event.tenant_id),
            rpc_timeout=rpc_timeout,
        )


def publish_span(event: EventInput) -> AbstractContextManager[Span]:
    """Return the span in which an event is stored: all attempts that follow belong to it."""
    facts = {
        "hookwright.tenant_id": event.tenant_id,
        "hookwright.event_id": event.id,
        "hookwright.event_type": event.type,
    }
    return span("publish event", SpanKind.PRODUCER, facts)
