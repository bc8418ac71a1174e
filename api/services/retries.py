"""The service of retries: attempt a delivery now, or cancel it. Neither needs a worker."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import ResetActivityRequest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus

from api.http import conflict, not_found, unavailable
from api.services.temporal import CLOCKS_AGREE, describe, note
from hookwright.audit import AuditAction
from hookwright.health import Release
from hookwright.ids import delivery_id, endpoint_workflow_id
from hookwright.outcomes import DeliveryState, Trigger
from hookwright.temporal import (
    DELIVERY_STATE,
    RPC_TIMEOUT,
    Signal,
    described_delivery,
    endpoint_of,
    kept_log,
    reached,
    resend,
)

TOO_CLOSE_TO_RESET = RPC_TIMEOUT + CLOCKS_AGREE
"""An attempt that is due so soon may begin before a reset arrives, so it counts as the one that was
asked for. Its time is by Temporal's clock, and is compared with ours."""

BEGIN_SECONDS, BEGIN_LOOKS = 2.0, 20
"""How long a caller waits for a worker to begin with a delivery's retries, and how often it is
looked whether one has."""

CANCELLED = (WorkflowExecutionStatus.CANCELED, WorkflowExecutionStatus.TERMINATED)


@dataclass(frozen=True)
class RetryService:
    """Has deliveries attempted now, or never again. What has just ended stays as it is."""

    client: Client

    async def retry(self, tenant_id: str, endpoint_id: str, event_id: str) -> None:
        """Have a delivery attempted now, whatever its endpoint's status.

        A pending or held delivery keeps its place, and one that waits in a queue passes the others.
        One that has ended is resent with the same webhook id.
        Several requests at once make one attempt, and none if one is under way or due this moment.

        Raises:
            Problem: 404; 409 its endpoint was deleted; 503 no worker has begun with it.
        """
        delivery = await self._describe(tenant_id, endpoint_id, event_id)
        for _ in range(BEGIN_LOOKS):
            if not _waits_for_worker(delivery):
                break
            await asyncio.sleep(BEGIN_SECONDS / BEGIN_LOOKS)
            delivery = await self._describe(tenant_id, endpoint_id, event_id)
        # Deliveries of a deleted endpoint that are still running are about to be cancelled, so
        # these are refused as well as those that have ended.
        await self._refuse_without_endpoint(tenant_id, endpoint_id)
        if delivery.status is not WorkflowExecutionStatus.RUNNING:
            await self._resend(delivery)
        elif delivery.typed_search_attributes.get(DELIVERY_STATE) == DeliveryState.HELD:
            await self._release(delivery)
        elif pending := delivery.raw_description.pending_activities:
            await self._attempt_now(delivery, pending[0])
        else:
            await self._give_turn(delivery)
        subject = delivery_id(endpoint_id, event_id)
        await note(self.client, tenant_id, endpoint_id, AuditAction.DELIVERY_RETRIED, subject)

    async def cancel(self, tenant_id: str, endpoint_id: str, event_id: str) -> None:
        """Ask for a delivery's cancellation; again, if need be.

        Raises:
            Problem: 404; 409 it has ended otherwise.
        """
        delivery = await self._describe(tenant_id, endpoint_id, event_id)
        if delivery.status in CANCELLED:
            return
        if delivery.status is not WorkflowExecutionStatus.RUNNING:
            raise conflict("the delivery has ended; only a pending or held one can be cancelled")
        handle = self.client.get_workflow_handle(delivery.id, run_id=delivery.run_id)
        if not await reached(handle.cancel(rpc_timeout=RPC_TIMEOUT), RPC_TIMEOUT):
            raise conflict("the delivery has just ended")
        subject = delivery_id(endpoint_id, event_id)
        await note(self.client, tenant_id, endpoint_id, AuditAction.DELIVERY_CANCELLED, subject)

    async def _describe(
        self, tenant_id: str, endpoint_id: str, event_id: str
    ) -> WorkflowExecutionDescription:
        delivery = await described_delivery(self.client, tenant_id, endpoint_id, event_id)
        if delivery is None:
            raise not_found("delivery")
        return delivery

    async def _refuse_without_endpoint(self, tenant_id: str, endpoint_id: str) -> None:
        endpoint = await describe(self.client, endpoint_workflow_id(tenant_id, endpoint_id))
        if await endpoint_of(endpoint) is None:
            raise conflict("the endpoint was deleted; publish the event again, under another id")

    async def _resend(self, delivery: WorkflowExecutionDescription) -> None:
        if not await reached(resend(self.client, delivery, Trigger.MANUAL), 2 * RPC_TIMEOUT):
            raise not_found("delivery")  # it was erased between two calls

    async def _release(self, delivery: WorkflowExecutionDescription) -> None:
        handle = self.client.get_workflow_handle(delivery.id, run_id=delivery.run_id)
        await reached(
            handle.signal(Signal.RELEASE, Release.MANUAL, rpc_timeout=RPC_TIMEOUT), RPC_TIMEOUT
        )

    async def _give_turn(self, delivery: WorkflowExecutionDescription) -> None:
        """Let a delivery that waits in its endpoint's queue pass the others.

        If it does not wait there, its next attempt is about to begin, and this changes nothing.
        """
        attempt = (await kept_log(delivery)).next_number
        handle = self.client.get_workflow_handle(delivery.id, run_id=delivery.run_id)
        await reached(handle.signal(Signal.TURN, attempt, rpc_timeout=RPC_TIMEOUT), RPC_TIMEOUT)

    async def _attempt_now(
        self, delivery: WorkflowExecutionDescription, pending: PendingActivityInfo
    ) -> None:
        """Reset the activity that waits for its next attempt: it makes one that uses no step.

        It is not reset while an attempt is under way or about to be: Temporal takes no result of a
        run that was reset, and the POST would be made again.
        """
        due = pending.scheduled_time.ToDatetime(UTC)
        if _waits_for_worker(delivery):  # the time is that of its start then
            due = (await kept_log(delivery)).due_at or due
        if not _waits(pending) or due < datetime.now(UTC) + TOO_CLOSE_TO_RESET:
            return
        if _waits_for_worker(delivery):
            raise unavailable("no worker has begun with this delivery's retries; ask again")
        execution = WorkflowExecution(workflow_id=delivery.id, run_id=delivery.run_id)
        request = ResetActivityRequest(
            namespace=self.client.namespace, execution=execution, id=pending.activity_id
        )
        call = self.client.workflow_service.reset_activity(request, timeout=RPC_TIMEOUT)
        await reached(call, RPC_TIMEOUT)


def _waits(pending: PendingActivityInfo) -> bool:
    return pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED


def _waits_for_worker(delivery: WorkflowExecutionDescription) -> bool:
    """Return whether no worker has begun with the retries: it would have noted the log."""
    return any(
        _waits(pending) and not pending.heartbeat_details.payloads
        for pending in delivery.raw_description.pending_activities
    )
