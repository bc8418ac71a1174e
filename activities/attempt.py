"""One attempt of a delivery: prepare, send, record, and say when the next is due."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.egress import MAX_ERROR_BYTES, Answer, Egress, clip
from activities.endpoints import Endpoints
from hookwright.client import recorded_log
from hookwright.contracts import DEFAULT_CONTRACT, Contract
from hookwright.envelope import render
from hookwright.ids import delivery_id
from hookwright.models import (
    Attempt,
    DeliveryInput,
    DeliveryLog,
    DeliveryState,
    EndpointState,
    Outcome,
)
from hookwright.schedule import effective_rule, next_delay, parse_retry_after
from hookwright.secrecy import concealed
from hookwright.signing import sign

HEARTBEAT_SECONDS = 1.0
SHARE, ALL_SHARES = 20, 250
"""First attempts under way at once, to one endpoint and in all: half of `runtime.worker.IN_FLIGHT`
is left for everything else."""

USER_AGENT = "Hookwright/0.1"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Attempts:
    """The activities of `Delivery`. A receiver's failure is data; only our own faults raise."""

    client: Client
    endpoints: Endpoints
    egress: Egress
    contracts: Mapping[str, Contract]
    under_way: Counter[str] = field(default_factory=Counter, init=False)

    @activity.defn
    async def attempt(self, delivery: DeliveryInput) -> DeliveryLog:
        """Make the first attempt. Runs as a local activity: see docs/decisions/0002.

        It holds one of the worker's slots for workflow tasks for as long as the receiver takes, so
        a receiver has its share of them: what is beyond is left to `retry`, which holds none.
        """
        if self.under_way[delivery.endpoint_id] >= SHARE or self.under_way.total() >= ALL_SHARES:
            return DeliveryLog()
        self.under_way[delivery.endpoint_id] += 1
        try:
            endpoint = await self.endpoints.at_least(
                delivery.event.tenant_id, delivery.endpoint_id, delivery.endpoint_version
            )
            return await self._attempt(delivery, endpoint, DeliveryLog())
        finally:
            self.under_way.subtract([delivery.endpoint_id])
            if not self.under_way[delivery.endpoint_id]:
                del self.under_way[delivery.endpoint_id]

    @activity.defn
    async def retry(self, delivery: DeliveryInput, so_far: DeliveryLog) -> DeliveryLog:
        """Make the remaining attempts, one in each run of this activity, until the log is final.

        The log rides in the heartbeat details, which outlive a failed run: a pending delivery
        shows all its attempts, and a killed worker does not eat a step of the schedule.

        Raises:
            ApplicationError: the next attempt is due later; benign, with `next_retry_delay`.
        """
        recorded = activity.info().heartbeat_details
        if not recorded and so_far.attempts:
            raise _due_later(so_far)
        attempts = DeliveryLog.model_validate(recorded[0]) if recorded else so_far
        endpoint = await self.endpoints.current(delivery.event.tenant_id, delivery.endpoint_id)
        async with _heartbeats(attempts):
            attempts = await self._attempt(delivery, endpoint, attempts)
        if attempts.state is DeliveryState.PENDING:
            raise _due_later(attempts)
        return attempts

    @activity.defn
    async def recorded_log(self) -> DeliveryLog:
        """Return the log that the pending `retry` of this workflow has recorded so far."""
        description = await self._workflow().describe()
        for pending in description.raw_description.pending_activities:
            return await recorded_log(self.client, pending)
        return DeliveryLog()

    @activity.defn
    async def cancel_workflow(self) -> None:
        """Ask for this workflow's cancellation: only so can it end as cancelled."""
        await self._workflow().cancel()

    def _workflow(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(activity.info().workflow_id or "")

    async def _attempt(
        self, delivery: DeliveryInput, endpoint: EndpointState | None, so_far: DeliveryLog
    ) -> DeliveryLog:
        if endpoint is None:
            return so_far.model_copy(update={"state": DeliveryState.CANCELLED})
        contract = self._contract(endpoint.active_config.contract)
        started_at, started = datetime.now(UTC), time.perf_counter()
        answer = await self._post(contract, endpoint, delivery, started_at)
        attempt = Attempt(
            number=len(so_far.attempts) + 1,
            started_at=started_at,
            duration_ms=round((time.perf_counter() - started) * 1000),
            outcome=answer.outcome,
            status_code=answer.status_code,
            response_body=answer.body,
            error=answer.error,
        )
        state, delay = _verdict(contract, endpoint, attempt, answer)
        _log_attempt(delivery, attempt, state, delay)
        attempts = [*so_far.attempts, attempt]
        return DeliveryLog(state=state, attempts=attempts, retry_in_seconds=delay or 0.0)

    def _contract(self, name: str | None) -> Contract:
        contract = self.contracts.get(name or DEFAULT_CONTRACT)
        if contract is None:
            # Ours to mend, so the delivery waits for it: it costs the receiver no attempt.
            raise ApplicationError(f"contract {name} is missing; is HOOKWRIGHT_CONTRACTS_DIR set?")
        return contract

    async def _post(
        self,
        contract: Contract,
        endpoint: EndpointState,
        delivery: DeliveryInput,
        now: datetime,
    ) -> Answer:
        config = endpoint.active_config
        try:
            body = render(contract, delivery.event, delivery.happened_at, config.payload_template)
        except ValueError as error:
            # JMESPath repeats the value that did not fit, whatever its size.
            fault = clip(f"payload template: {error}", MAX_ERROR_BYTES)
            return Answer(Outcome.TEMPLATE_ERROR, error=fault)
        try:
            headers = _headers(contract, endpoint, delivery.event.id, now, body)
        except ValueError as error:
            return Answer(Outcome.PROTOCOL_ERROR, error=f"cannot be signed: {error}")
        timeout = config.timeout_seconds or contract.timeout_seconds
        secrets = [*endpoint.live_secrets(now), headers[contract.signature.header]]
        if endpoint.client_identity:
            secrets.append(endpoint.client_identity.key)
        with concealed(config.url, *secrets, *endpoint.headers.values()):
            return await self.egress.post(
                config.url, headers, body, timeout, endpoint.client_identity
            )


def _headers(
    contract: Contract, endpoint: EndpointState, event_id: str, now: datetime, body: bytes
) -> dict[str, str]:
    unix_time = int(now.timestamp())
    own = {
        "event_id": event_id,
        "delivery_id": delivery_id(endpoint.endpoint_id, event_id),
        "unix_time": str(unix_time),
    }
    signature = sign(contract.signature, endpoint.live_secrets(now), event_id, unix_time, body)
    return {
        **endpoint.headers,
        "user-agent": USER_AGENT,
        "accept-encoding": "identity",
        "content-type": contract.content_type,
        **{name: own[source] for name, source in contract.headers.items()},
        contract.signature.header: signature,
    }


def _verdict(
    contract: Contract, endpoint: EndpointState, attempt: Attempt, answer: Answer
) -> tuple[DeliveryState, float | None]:
    """Return where an attempt leaves its delivery, and the delay of the next attempt."""
    if answer.outcome is Outcome.DELIVERED:
        return DeliveryState.DELIVERED, None
    rule = effective_rule(contract.retry, endpoint.active_config.retry)
    if rule.gives_up_on(answer.status_code):
        return DeliveryState.EXHAUSTED, None
    asked = parse_retry_after(answer.retry_after) if answer.retry_after else None
    delay = next_delay(rule, attempt.number, asked)
    return (DeliveryState.EXHAUSTED if delay is None else DeliveryState.PENDING), delay


def _due_later(attempts: DeliveryLog) -> ApplicationError:
    activity.heartbeat(attempts)
    last = attempts.attempts[-1]
    return ApplicationError(
        f"attempt {last.number}: {last.error}",
        type=last.outcome,
        next_retry_delay=timedelta(seconds=attempts.retry_in_seconds),
        category=ApplicationErrorCategory.BENIGN,
    )


def _log_attempt(
    delivery: DeliveryInput, attempt: Attempt, state: DeliveryState, delay: float | None
) -> None:
    log.info(
        "delivery.attempted",
        tenant_id=delivery.event.tenant_id,
        endpoint_id=delivery.endpoint_id,
        event_id=delivery.event.id,
        event_type=delivery.event.type,
        attempt=attempt.number,
        outcome=attempt.outcome,
        status_code=attempt.status_code,
        duration_ms=attempt.duration_ms,
        state=state,
        retry_in_seconds=delay,
    )


@asynccontextmanager
async def _heartbeats(attempts: DeliveryLog) -> AsyncIterator[None]:
    """Show life while a POST is under way, so that a killed worker's attempt comes back soon."""

    async def beat() -> None:
        while True:
            activity.heartbeat(attempts)
            await asyncio.sleep(HEARTBEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
