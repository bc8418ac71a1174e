"""A delivery's place in the queue of its endpoint: taking it, and reporting the end."""

from dataclasses import dataclass

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from hookwright.ids import queue_workflow_id
from hookwright.models import DeliveryInput, DeliveryLog, EndpointState
from hookwright.outcomes import DeliveryState
from hookwright.queueing import QueuePlace, ordering_digest
from hookwright.temporal import Signal, is_event_workflow_id, reached, take_places

UNNOTICED_MS = 2_000
"""The queue itself waits for the end of a first attempt for about this long."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class QueuePlaces:
    """Takes places in the queues of endpoints that have a rate limit or an order."""

    client: Client
    entities_queue: str

    async def wait(self, delivery: DeliveryInput, so_far: DeliveryLog) -> DeliveryLog:
        """Have a delivery wait for the turn of its next attempt, and return the log that says so.

        Raises:
            RPCError: Temporal did not store it; ours to try again.
        """
        event, info = delivery.event, activity.info()
        place = QueuePlace(
            event_id=event.id,
            accepted_at=delivery.accepted_at or delivery.happened_at,
            attempt=so_far.next_number,
            key=ordering_digest(event.ordering_key),
            sole=is_event_workflow_id(info.workflow_id or ""),
        )
        await take_places(
            self.client, self.entities_queue, event.tenant_id, delivery.endpoint_id, [place]
        )
        return so_far.model_copy(update={"queued": True})

    async def ended(
        self,
        delivery: DeliveryInput,
        endpoint: EndpointState | None,
        after: DeliveryLog,
        *,
        right_after_turn: bool = False,
    ) -> None:
        """Report the end of a delivery to the ordered queue that waits for it.

        `right_after_turn`: if the last attempt had a turn, it was made as soon as the turn came,
        and not after a wait for the endpoint, for room or for a worker.
        """
        if endpoint is None or not endpoint.queue_rules.in_order:
            return
        if after.state in (DeliveryState.PENDING, DeliveryState.HELD):
            return
        if right_after_turn and _is_quick(after):
            return
        queue = self.client.get_workflow_handle(
            queue_workflow_id(endpoint.tenant_id, endpoint.endpoint_id)
        )
        try:
            await reached(queue.signal(Signal.ENDED, delivery.event.id))
        except RPCError as error:
            # The queue looks for itself later. This delivery must not be attempted again for that.
            log.warning("queue.not_told", endpoint_id=endpoint.endpoint_id, error=str(error))


def _is_quick(after: DeliveryLog) -> bool:
    """Return whether the queue still waits for the attempt that it has given a turn."""
    last = after.attempts[-1] if after.attempts else None
    return bool(last and last.number == after.turn and last.duration_ms < UNNOTICED_MS)
