"""One attempt of a delivery: is it allowed, send, record, tell, and say when the next is due."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.endpoints import Endpoints
from activities.posting import Posted, Posting
from activities.telling import Telling
from hookwright.executions import recorded_log
from hookwright.models import Attempt, DeliveryInput, DeliveryLog, EndpointState, TrialInput
from hookwright.outcomes import DeliveryState, Outcome, Trigger
from hookwright.probing import shows_life
from hookwright.reports import Release
from hookwright.schedule import next_delay

FIRST_BEAT_SECONDS, BEAT_SECONDS = 0.25, 2.0
"""A worker is taken for dead after 5 s; each beat is a write for Temporal."""

SHARE, ALL_SHARES = 20, 250
"""First attempts under way at once, to one endpoint and in all: half of `runtime.worker.IN_FLIGHT`
is left for everything else."""

MAX_KEPT = 31
"""Attempts in a log, the latest, so that two of it stay below 2 MiB: the longest retry table."""

Record = Callable[[DeliveryLog], None]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Attempts:
    """The activities of `Delivery`. A receiver's failure is data; only our own faults raise."""

    client: Client
    endpoints: Endpoints
    posting: Posting
    telling: Telling
    under_way: Counter[str] = field(default_factory=Counter, init=False)

    @activity.defn
    async def attempt(self, delivery: DeliveryInput, so_far: DeliveryLog) -> DeliveryLog:
        """Make the first attempt. Runs as a local activity: see docs/decisions/0002.

        `so_far` is empty but for a replay, which goes on with the log of the run before it.
        It holds one of the worker's slots for workflow tasks for as long as the receiver takes, so
        a receiver has its share of them: what is beyond is left to `retry`, which holds none.
        """
        if self.under_way[delivery.endpoint_id] >= SHARE or self.under_way.total() >= ALL_SHARES:
            return so_far
        self.under_way[delivery.endpoint_id] += 1
        try:
            endpoint = await self.endpoints.at_least(
                delivery.event.tenant_id, delivery.endpoint_id, delivery.endpoint_version
            )
            return await self._attempt(delivery, endpoint, so_far, lambda _: None)
        finally:
            self.under_way.subtract([delivery.endpoint_id])
            if not self.under_way[delivery.endpoint_id]:
                del self.under_way[delivery.endpoint_id]

    @activity.defn
    async def retry(self, delivery: DeliveryInput, so_far: DeliveryLog) -> DeliveryLog:
        """Make the next attempts, one in each run of this activity, until it ends or is held.

        Reset in Temporal while it waits, it makes one more at once, beside the schedule
        (docs/decisions/0013-replay.md).

        The log rides in the heartbeat details, which outlive a failed run: a pending delivery
        shows all its attempts, and a killed worker does not eat a step of the schedule.

        Raises:
            ApplicationError: the next attempt is due later; benign, with `next_retry_delay`.
        """
        recorded = activity.info().heartbeat_details
        if not recorded and so_far.retry_in_seconds:
            raise _due_later(so_far)
        attempts = DeliveryLog.model_validate(recorded[0]) if recorded else so_far
        if recorded and activity.info().attempt == 1:
            attempts = attempts.model_copy(update={"trigger": Trigger.MANUAL})
            activity.heartbeat(attempts)  # it stays so, should this worker be killed
        attempts = await _through_reset(self._next(delivery, attempts))
        if attempts.state is DeliveryState.PENDING:
            raise _due_later(attempts)
        return attempts

    @activity.defn
    async def leave(self, delivery: DeliveryInput, log: DeliveryLog, ended: DeliveryState) -> None:
        """Tell the endpoint that a delivery waits for it no more: it has expired, or is cancelled.

        `log` is as it stood before.
        """
        endpoint = await self.endpoints.current(delivery.event.tenant_id, delivery.endpoint_id)
        if endpoint:
            await self.telling.left(endpoint, delivery, log, ended)

    @activity.defn
    async def try_out(self, trial: TrialInput) -> Attempt:
        """Send a test event, whatever the endpoint's status; it counts in nothing.

        Raises:
            ApplicationError: the endpoint was deleted; final.
        """
        endpoint = await self.endpoints.current(trial.event.tenant_id, trial.endpoint_id)
        if endpoint is None:
            raise ApplicationError("deleted", type="endpoint_deleted", non_retryable=True)
        now = activity.info().scheduled_time
        return (await self.posting.post(endpoint, trial.event, now, 1, Trigger.TEST)).attempt

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

    async def _next(self, delivery: DeliveryInput, so_far: DeliveryLog) -> DeliveryLog:
        """Make the next attempt, or tell of the last if a killed worker may not have."""
        endpoint = await self.endpoints.current(delivery.event.tenant_id, delivery.endpoint_id)
        async with _heartbeats(so_far) as record:
            if so_far.untold:
                return await self._told(delivery, endpoint, so_far, None)
            return await self._attempt(delivery, endpoint, so_far, record)

    async def _attempt(
        self,
        delivery: DeliveryInput,
        endpoint: EndpointState | None,
        so_far: DeliveryLog,
        record: Record,
    ) -> DeliveryLog:
        if endpoint is None:
            return so_far.model_copy(update={"state": DeliveryState.CANCELLED})
        trigger = so_far.next_trigger
        if trigger is not Trigger.MANUAL and not endpoint.health.admits(so_far.release):
            return await self._turned_away(delivery, endpoint, so_far)
        posted = await self.posting.post(
            endpoint,
            delivery.event,
            delivery.happened_at,
            so_far.next_number,
            trigger,
        )
        after = _after(so_far, posted)
        record(after)
        _log_attempt(delivery, posted.attempt, after)
        return await self._told(delivery, endpoint, after, posted.asked)

    async def _told(
        self,
        delivery: DeliveryInput,
        endpoint: EndpointState | None,
        after: DeliveryLog,
        asked: float | None,
    ) -> DeliveryLog:
        """Tell the endpoint of the last attempt, and return the log that says so."""
        if endpoint:
            await self.telling.attempted(endpoint, delivery, after, asked)
        return after.model_copy(update={"untold": False, "release": None})

    async def _turned_away(
        self, delivery: DeliveryInput, endpoint: EndpointState, so_far: DeliveryLog
    ) -> DeliveryLog:
        """Leave the delivery to be held, and counted by its endpoint before it parks; or end it."""
        if endpoint.health.gone:
            if endpoint.health.holding.held:  # this one may be among them
                await self.telling.turned_away(endpoint, delivery, so_far)
            return so_far.model_copy(update={"state": DeliveryState.CANCELLED})
        await self.telling.parked(endpoint, delivery, so_far)
        return so_far.model_copy(update={"state": DeliveryState.HELD, "release": None})


def _after(so_far: DeliveryLog, posted: Posted) -> DeliveryLog:
    """Return the log with an attempt, where it leaves the delivery, and when the next is due."""
    now = datetime.now(UTC)
    state, delay = _verdict(so_far, posted, now)
    return DeliveryLog(
        state=state,
        attempts=[*so_far.attempts, posted.attempt][-MAX_KEPT:],
        steps=so_far.steps + (not so_far.beside_schedule),
        due_at=now + timedelta(seconds=delay) if state is DeliveryState.PENDING else None,
        retry_in_seconds=delay,
        trigger=so_far.trigger if state is DeliveryState.HELD else Trigger.SCHEDULE,
        release=so_far.release,
        held_since=so_far.held_since if state is DeliveryState.HELD else None,
        holds=so_far.holds,
        untold=True,
    )


def _verdict(so_far: DeliveryLog, posted: Posted, now: datetime) -> tuple[DeliveryState, float]:
    """Return where an attempt leaves its delivery, and the delay of the next attempt."""
    attempt, rule = posted.attempt, posted.rule
    if attempt.outcome is Outcome.DELIVERED:
        return DeliveryState.DELIVERED, 0.0
    if so_far.release is Release.PROBE and shows_life(attempt.status_code):
        # The endpoint will be active. No step is used: what follows the last one is due next.
        return DeliveryState.PENDING, next_delay(rule, max(so_far.steps, 1), posted.asked) or 0.0
    if so_far.beside_schedule and so_far.release:
        return DeliveryState.HELD, 0.0
    if so_far.beside_schedule and so_far.due_at:
        return DeliveryState.PENDING, max(0.0, (so_far.due_at - now).total_seconds())
    if rule.gives_up_on(attempt.status_code):
        return DeliveryState.EXHAUSTED, 0.0
    delay = next_delay(rule, so_far.steps + 1, posted.asked)
    return (DeliveryState.EXHAUSTED, 0.0) if delay is None else (DeliveryState.PENDING, delay)


def _due_later(attempts: DeliveryLog) -> ApplicationError:
    activity.heartbeat(attempts)
    last = attempts.attempts[-1]
    return ApplicationError(
        f"attempt {last.number}: {last.error}",
        type=last.outcome,
        next_retry_delay=timedelta(seconds=attempts.retry_in_seconds),
        category=ApplicationErrorCategory.BENIGN,
    )


def _log_attempt(delivery: DeliveryInput, attempt: Attempt, after: DeliveryLog) -> None:
    log.info(
        "delivery.attempted",
        tenant_id=delivery.event.tenant_id,
        endpoint_id=delivery.endpoint_id,
        event_id=delivery.event.id,
        event_type=delivery.event.type,
        attempt=attempt.number,
        trigger=attempt.trigger,
        outcome=attempt.outcome,
        status_code=attempt.status_code,
        duration_ms=attempt.duration_ms,
        state=after.state,
        retry_in_seconds=after.retry_in_seconds or None,
    )


async def _through_reset(work: Coroutine[Any, Any, DeliveryLog]) -> DeliveryLog:
    """Await an attempt, through a reset of its activity: cut short, it would be sent twice."""
    attempt = asyncio.create_task(work)
    try:
        return await asyncio.shield(attempt)
    except asyncio.CancelledError:
        details = activity.cancellation_details()
        if not (details and details.reset):
            attempt.cancel()
        return await attempt


@asynccontextmanager
async def _heartbeats(so_far: DeliveryLog) -> AsyncIterator[Record]:
    """Show life while a POST is under way, so that a killed worker's attempt comes back soon.

    Yields what records the log as soon as the attempt is made. The first beat tells those who
    release held deliveries in order that it is made, or is slow.
    """
    latest = so_far

    def record(log: DeliveryLog) -> None:
        nonlocal latest
        latest = log
        activity.heartbeat(log)

    async def beat() -> None:
        await asyncio.sleep(FIRST_BEAT_SECONDS)
        while True:
            activity.heartbeat(latest)
            await asyncio.sleep(BEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield record
    finally:
        beating.cancel()
