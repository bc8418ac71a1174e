"""One attempt: check whether it is allowed, send it, record it and report it."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

import structlog
from temporalio import activity

from activities.delivery.ledger import Key, Ledger, run_id
from activities.delivery.next_state import after_attempt
from activities.delivery.paces import SLOW_SECONDS, Paces
from activities.delivery.reports import DeliveryReports
from activities.delivery.request import FilteredOutError, SentAttempt, WebhookRequest, WebhookSender
from activities.shares import FairPace, NoRoomError
from hookwright.health import held_in_words
from hookwright.models import Attempt, DeliveryInput, DeliveryLog, EndpointState
from hookwright.outcomes import DeliveryState, Trigger

Record = Callable[[DeliveryLog], None]
"""Records the log as soon as the attempt is made."""

SLOW_FAILURES_A_SECOND, LONGEST_WAITS = 40.0, (2.0, 4.0)
"""So many slow failures a second are reported, and none waits for longer than a random time between
these two, in seconds. A hundred attempts that have begun together time out together, and each means
some ten writes for Temporal."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AttemptRunner:
    """Makes the attempts of one worker.

    A receiver's failure is returned as data; Hookwright's own faults raise.
    """

    sender: WebhookSender
    reports: DeliveryReports
    ledger: Ledger = field(default_factory=Ledger)
    paces: Paces = field(default_factory=Paces)
    slow_failures: FairPace = field(
        default_factory=lambda: FairPace(SLOW_FAILURES_A_SECOND), init=False
    )

    async def run(  # noqa: PLR0913 - what an attempt needs
        self,
        delivery: DeliveryInput,
        endpoint: EndpointState | None,
        so_far: DeliveryLog,
        share: AbstractContextManager[object],
        record: Record,
        patience: float | None = None,
    ) -> DeliveryLog:
        """Make the next attempt, hold the delivery, or end it. Return its log.

        `share` is the right to make the attempt. It is used until the POST has ended, which may be
        after this method is cancelled.

        Raises:
            StillUnderWayError: the reply has not come after `patience` seconds. The POST goes on.
            NoRoomError: something that the attempt needs is in use; nothing was sent.
        """
        if endpoint is None:
            return so_far.model_copy(update={"state": DeliveryState.CANCELLED})
        if not self.may_post(endpoint, so_far):
            return await self._hold_or_end(delivery, endpoint, so_far)
        try:
            sent = await self._send(delivery, endpoint, so_far, share, patience)
        except FilteredOutError:
            return await self._end(delivery, endpoint, so_far)
        return await self._recorded(delivery, endpoint, so_far, sent, record)

    async def run_begun(
        self, delivery: DeliveryInput, endpoint: EndpointState | None, so_far: DeliveryLog
    ) -> DeliveryLog:
        """Wait for the POST of the next attempt, which has begun here, also if nobody wants it now.

        Return the log: an empty one if nothing was sent after all.
        """
        try:
            sent = await self.ledger.reply(_key(so_far))
        except (NoRoomError, FilteredOutError):
            sent = None
        if sent is None:
            return DeliveryLog()
        return await self._recorded(delivery, endpoint, so_far, sent, lambda _: None)

    async def _recorded(
        self,
        delivery: DeliveryInput,
        endpoint: EndpointState | None,
        so_far: DeliveryLog,
        sent: SentAttempt,
        record: Record,
    ) -> DeliveryLog:
        after = after_attempt(so_far, sent)
        record(after)
        _log_attempt(delivery, sent.attempt, after)
        if _failed_slowly(sent.attempt, after) and _may_wait():
            await self._turn_to_report(delivery.event.tenant_id)
        return await self.report(delivery, endpoint, after, sent.retry_after)

    async def _turn_to_report(self, tenant_id: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(*LONGEST_WAITS)):  # noqa: S311 - no secret
                await self.slow_failures.turn(tenant_id)

    async def report(
        self,
        delivery: DeliveryInput,
        endpoint: EndpointState | None,
        after: DeliveryLog,
        retry_after: float | None = None,
        *,
        again: bool = False,
    ) -> DeliveryLog:
        """Report the last attempt to its endpoint, and return the log that says so.

        `again`: the endpoint may have this report already.
        """
        if endpoint:
            await self.reports.attempted(endpoint, delivery, after, retry_after, again=again)
        return after.model_copy(update={"unreported": False, "release": None})

    def has_begun(self, so_far: DeliveryLog) -> bool:
        """Return whether the POST of the next attempt is under way or was made."""
        return self.ledger.knows(_key(so_far))

    def may_post(self, endpoint: EndpointState, so_far: DeliveryLog) -> bool:
        """Return whether the attempt may be made: by the endpoint's status, or regardless of it."""
        regardless = so_far.next_trigger is Trigger.MANUAL or self.has_begun(so_far)
        return regardless or endpoint.admits(so_far)

    async def _send(
        self,
        delivery: DeliveryInput,
        endpoint: EndpointState,
        so_far: DeliveryLog,
        share: AbstractContextManager[object],
        patience: float | None,
    ) -> SentAttempt:
        """Make the POST, or wait for the one that has begun."""
        request = WebhookRequest(
            endpoint=endpoint,
            event=delivery.event,
            happened_at=delivery.happened_at,
            number=so_far.next_number,
            trigger=so_far.next_trigger,
            unfiltered=delivery.unfiltered,
        )

        async def post() -> SentAttempt:
            with share:
                sending = self.sender.send(request)
                return await self.paces.observed(endpoint.tenant_id, endpoint.endpoint_id, sending)

        key = _key(so_far)
        try:
            return await self.ledger.once(key, post, patience)
        except asyncio.CancelledError:
            # A local activity is also cancelled if its task was too late. It is run again then, and
            # needs the POST.
            details = activity.cancellation_details()
            if details and details.cancel_requested and not activity.info().is_local:
                self.ledger.cancel(key)
            raise

    async def _hold_or_end(
        self, delivery: DeliveryInput, endpoint: EndpointState, so_far: DeliveryLog
    ) -> DeliveryLog:
        """Hold the delivery once its endpoint has counted it, or end it if the endpoint is gone."""
        if endpoint.health.gone:
            return await self._end(delivery, endpoint, so_far)
        await self.reports.held(endpoint, delivery, so_far)
        turn = so_far.turn if endpoint.queue_rules.in_order else 0  # a rate limit asks for another
        return so_far.model_copy(
            update={
                "state": DeliveryState.HELD,
                "held_because": held_in_words(endpoint.health),
                "release": None,
                "turn": turn,
            }
        )

    async def _end(
        self, delivery: DeliveryInput, endpoint: EndpointState, so_far: DeliveryLog
    ) -> DeliveryLog:
        """End a delivery that the endpoint does not want, or no longer wants."""
        if endpoint.health.queue.held:  # this delivery may be one of those counted as held
            await self.reports.not_wanted(endpoint, delivery, so_far)
        return so_far.model_copy(update={"state": DeliveryState.CANCELLED})


def _failed_slowly(attempt: Attempt, after: DeliveryLog) -> bool:
    return after.state is DeliveryState.PENDING and attempt.duration_ms >= 1_000 * SLOW_SECONDS


def _may_wait() -> bool:
    """Return whether this holds no workflow task, and its worker does not stop."""
    return not (activity.info().is_local or activity.is_worker_shutdown())


def _key(so_far: DeliveryLog) -> Key:
    """Return the key of the next attempt's POST."""
    return run_id(), so_far.next_number


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
