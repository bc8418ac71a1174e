"""The reports of a delivery to its endpoint: that it was attempted, held or ended."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from activities.delivery.ledger import run_id
from activities.delivery.report_queue import ReportQueue
from activities.delivery.request import WebhookSender
from activities.endpoint_snapshots import EndpointSnapshots
from hookwright.contracts import MAX_RETRY_AFTER_SECONDS
from hookwright.health import MAX_REPORTED_ERROR, Report
from hookwright.models import DeliveryInput, DeliveryLog, EndpointState
from hookwright.outcomes import DeliveryState, Outcome, Trigger


@dataclass(frozen=True)
class DeliveryReports:
    """Makes reports. Each is stored when the method returns.

    Raises:
        RPCError: Temporal did not store the report. The activity is retried.
    """

    queue: ReportQueue
    endpoints: EndpointSnapshots
    sender: WebhookSender

    async def attempted(
        self,
        endpoint: EndpointState,
        delivery: DeliveryInput,
        after: DeliveryLog,
        retry_after: float | None,
        *,
        again: bool,
    ) -> None:
        """Report an attempt. A success of a healthy endpoint is only counted.

        Unless the endpoint may have its report already, `again`: it knows the keys of reports, and
        no success that is counted has one.
        """
        attempt, result = after.attempts[-1], f"attempted, {after.state}"
        key, is_success = _key(after, result), attempt.outcome is Outcome.DELIVERED
        again = again or self.queue.is_reported(key)
        if is_success and not endpoint.health.watched and not again:
            whose = endpoint.tenant_id, endpoint.endpoint_id
            self.queue.tally(*whose, key, attempt.started_at, attempt.duration_ms)
            return
        report = _report(delivery, after, result).model_copy(
            update={
                "outcome": attempt.outcome,
                "duration_ms": attempt.duration_ms,
                "status_code": attempt.status_code,
                "error": attempt.error and attempt.error[:MAX_REPORTED_ERROR],
                "retry_after": retry_after and min(retry_after, MAX_RETRY_AFTER_SECONDS),
                "probe": attempt.trigger is Trigger.PROBE,
                "is_held": after.state is DeliveryState.HELD,
                "ended": after.state,
            }
        )
        await self._add(endpoint, report)

    async def held(
        self, endpoint: EndpointState, delivery: DeliveryInput, log: DeliveryLog
    ) -> None:
        """Report that a delivery is about to be held, for the first time or again."""
        report = _report(delivery, log, "held").model_copy(update={"is_held": True})
        await self._add(endpoint, report)

    async def not_wanted(
        self, endpoint: EndpointState, delivery: DeliveryInput, log: DeliveryLog
    ) -> None:
        """Report that a delivery is about to end, because its endpoint does not want it."""
        report = _report(delivery, log, "not wanted")
        await self._add(endpoint, report.model_copy(update={"ended": DeliveryState.CANCELLED}))

    async def ended(
        self,
        endpoint: EndpointState,
        delivery: DeliveryInput,
        log: DeliveryLog,
        state: DeliveryState,
    ) -> None:
        """Report that a delivery has expired or was cancelled. `log` is its log before that."""
        report = _report(delivery, log, "ended")
        await self._add(endpoint, report.model_copy(update={"ended": state, "final": True}))

    async def _add(self, endpoint: EndpointState, report: Report) -> None:
        contract = self.sender.contract(endpoint)
        rule = endpoint.active_config.deactivation or contract.deactivation
        self.endpoints.expect_change(endpoint.tenant_id, endpoint.endpoint_id)
        await self.queue.add(endpoint.tenant_id, endpoint.endpoint_id, rule, report)


def _report(delivery: DeliveryInput, log: DeliveryLog, result: str) -> Report:
    return Report(
        key=_key(log, result),
        delivery=_digest(run_id()),
        event_id=delivery.event.id,
        event_type=delivery.event.type,
        at=datetime.now(UTC),
        attempts=len(log.attempts),
        operational=delivery.event.operational,
        was_held=log.counted_as_held,
    )


def _key(log: DeliveryLog, result: str) -> str:
    """Return a key that is the same if a killed worker's work is repeated.

    `result` includes all that the endpoint acts on, because repeated work with another result must
    have another key.
    """
    return _digest(f"{run_id()} {log.next_number} {log.holds} {result}")


def _digest(identity: str) -> str:
    return hashlib.blake2s(identity.encode(), digest_size=8).hexdigest()
