"""One attempt of a delivery: is it allowed, send, record, tell, and say when the next is due."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.delivery.ledger import Key, Ledger
from activities.delivery.reports import Telling
from activities.delivery.request import NotWantedError, Posted, Posting
from activities.delivery.verdict import after_attempt
from activities.endpoint_snapshots import Endpoints
from activities.shares import FIRST_ATTEMPTS, RETRIES, TESTS, NoRoomError, Shares, waits
from hookwright.models import Attempt, DeliveryInput, DeliveryLog, EndpointState, TrialInput
from hookwright.outcomes import DeliveryState, Trigger
from hookwright.temporal import recorded

FIRST_BEAT_SECONDS, BEAT_SECONDS = 0.25, 2.0
"""A worker is taken for dead after 5 s; each beat is a write for Temporal."""

Record = Callable[[DeliveryLog], None]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Attempts:
    """The activities of `Delivery`. A receiver's failure is data; only our own faults raise."""

    client: Client
    endpoints: Endpoints
    posting: Posting
    telling: Telling
    ledger: Ledger = field(default_factory=Ledger)
    lent: Callable[[], AbstractContextManager[None]] = nullcontext
    first_attempts: Shares = field(default_factory=lambda: Shares(FIRST_ATTEMPTS), init=False)
    retries: Shares = field(default_factory=lambda: Shares(RETRIES), init=False)
    tests: Shares = field(default_factory=lambda: Shares(TESTS), init=False)

    @activity.defn
    async def attempt(self, delivery: DeliveryInput, so_far: DeliveryLog) -> DeliveryLog:
        """Make the first attempt. Runs as a local activity: see docs/decisions/0002.

        `so_far` is empty but for a replay, which goes on with the log of the run before it. It
        holds a workflow task for as long as the receiver takes, so it needs a share of these:
        without one it is left to `retry`, which holds none. Run again, since its task was not
        completed in time, it goes on with the POST that it had begun.
        """
        try:
            turn = self._turn(self.first_attempts, delivery, so_far)
        except NoRoomError:
            return so_far
        with turn:
            endpoint = await self.endpoints.at_least(
                delivery.event.tenant_id, delivery.endpoint_id, delivery.endpoint_version
            )
            with self.lent():
                return await self._attempt(delivery, endpoint, so_far, turn, lambda _: None)

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
        details = activity.info().heartbeat_details
        if not details and so_far.retry_in_seconds:
            raise _due_later(so_far)
        attempts = DeliveryLog.model_validate(details[0]) if details else so_far
        if details and activity.info().attempt == 1:
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
            ApplicationError: the endpoint was deleted, or too many tests are under way; final.
        """
        endpoint = await self.endpoints.current(trial.event.tenant_id, trial.endpoint_id)
        if endpoint is None:
            raise ApplicationError("deleted", type="endpoint_deleted", non_retryable=True)
        now = activity.info().scheduled_time
        try:
            with self.tests.take(endpoint.tenant_id, endpoint.endpoint_id):
                posted = await self.posting.post(endpoint, trial.event, now, 1, Trigger.TEST)
        except NoRoomError as error:
            raise ApplicationError(str(error), type="busy", non_retryable=True) from None
        return posted.attempt

    @activity.defn
    async def recorded_log(self) -> DeliveryLog:
        """Return the log that the pending `retry` of this workflow has recorded so far."""
        description = await self._workflow().describe()
        for pending in description.raw_description.pending_activities:
            return await recorded(self.client, pending, DeliveryLog)
        return DeliveryLog()

    @activity.defn
    async def cancel_workflow(self) -> None:
        """Ask for this workflow's cancellation: only so can it end as cancelled."""
        await self._workflow().cancel()

    def _workflow(self) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(activity.info().workflow_id or "")

    async def _next(self, delivery: DeliveryInput, so_far: DeliveryLog) -> DeliveryLog:
        """Make the next attempt, or tell of the last if a killed worker may not have.

        Raises:
            ApplicationError: it has to wait for its turn; benign, and it counts as no attempt.
        """
        try:
            turn = self._turn(self.retries, delivery, so_far)
        except NoRoomError as error:
            activity.heartbeat(so_far)
            raise waits(error) from None
        with turn:
            endpoint = await self.endpoints.current(delivery.event.tenant_id, delivery.endpoint_id)
            async with _heartbeats(so_far) as record:
                if so_far.untold:
                    return await self._told(delivery, endpoint, so_far, None)
                return await self._attempt(delivery, endpoint, so_far, turn, record)

    def _turn(
        self, shares: Shares, delivery: DeliveryInput, so_far: DeliveryLog
    ) -> AbstractContextManager[object]:
        """Return the right to make the next attempt. A POST that was begun has its own."""
        if self.ledger.knows(_key(so_far)):
            return nullcontext()
        return shares.take(delivery.event.tenant_id, delivery.endpoint_id)

    async def _attempt(
        self,
        delivery: DeliveryInput,
        endpoint: EndpointState | None,
        so_far: DeliveryLog,
        turn: AbstractContextManager[object],
        record: Record,
    ) -> DeliveryLog:
        if endpoint is None:
            return so_far.model_copy(update={"state": DeliveryState.CANCELLED})
        if not (self._goes_on(so_far) or endpoint.health.admits(so_far.release)):
            return await self._turned_away(delivery, endpoint, so_far)
        try:
            posted = await self._posted(delivery, endpoint, so_far, turn)
        except NotWantedError:
            return await self._ended(delivery, endpoint, so_far)
        after = after_attempt(so_far, posted)
        record(after)
        _log_attempt(delivery, posted.attempt, after)
        return await self._told(delivery, endpoint, after, posted.asked)

    def _goes_on(self, so_far: DeliveryLog) -> bool:
        """Tell whether the attempt is made whatever the endpoint's status: begun, or asked for."""
        return so_far.next_trigger is Trigger.MANUAL or self.ledger.knows(_key(so_far))

    async def _posted(
        self,
        delivery: DeliveryInput,
        endpoint: EndpointState,
        so_far: DeliveryLog,
        turn: AbstractContextManager[object],
    ) -> Posted:
        """Make the POST, or join the one that was begun."""

        async def post() -> Posted:
            with turn:
                return await self.posting.post(
                    endpoint,
                    delivery.event,
                    delivery.happened_at,
                    so_far.next_number,
                    so_far.next_trigger,
                    unfiltered=delivery.unfiltered,
                )

        key = _key(so_far)
        try:
            return await self.ledger.once(key, post)
        except asyncio.CancelledError:
            # A local activity is told the same when its task came too late, and is run again.
            details = activity.cancellation_details()
            if details and details.cancel_requested and not activity.info().is_local:
                self.ledger.cut(key)
            raise

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
            return await self._ended(delivery, endpoint, so_far)
        await self.telling.parked(endpoint, delivery, so_far)
        return so_far.model_copy(update={"state": DeliveryState.HELD, "release": None})

    async def _ended(
        self, delivery: DeliveryInput, endpoint: EndpointState, so_far: DeliveryLog
    ) -> DeliveryLog:
        """End a delivery that the endpoint does not want (any more)."""
        if endpoint.health.holding.held:  # this one may be among them
            await self.telling.turned_away(endpoint, delivery, so_far)
        return so_far.model_copy(update={"state": DeliveryState.CANCELLED})


def _key(so_far: DeliveryLog) -> Key:
    """Return what the next attempt's POST is known by."""
    return activity.info().workflow_run_id or "", so_far.next_number


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
