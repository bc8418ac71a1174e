"""`Delivery`: one event on its way to one endpoint."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.delivery import DeliveryActivities
    from hookwright.health import Release
    from hookwright.ids import slow_lane
    from hookwright.models import (
        LONGEST_ATTEMPT,
        AttemptInput,
        DeliveryInput,
        DeliveryLog,
        EndedInput,
    )
    from hookwright.outcomes import DeliveryState
    from hookwright.temporal import (
        ACCEPTED_AT,
        DELIVERY_STATE,
        HELD_SINCE,
        MemoKey,
        Signal,
        WorkflowType,
    )
    from workflows.explaining import (
        attempt_summary,
        delivery_details,
        failure_text,
        retry_summary,
        turn_summary,
    )

MISSED_HEARTBEAT, MISSED_IN_SLOW_LANE = timedelta(seconds=5), timedelta(seconds=15)
"""After this time without a heartbeat, the attempt of a killed worker is made again. Each heartbeat
is a write for Temporal, and most attempts of the slow lane wait for their receiver for long."""

WORKER_GONE = timedelta(seconds=30)
"""A worker that does not take what waits in its own task queue for so long, is not there any more.
It is more than a busy worker needs: a second one would make the POST again."""

CALL_TIMEOUT = timedelta(seconds=10)
"""For an activity that makes one call to Temporal."""

TURN_COMES_WITHIN = timedelta(hours=1)
"""After this time a delivery asks its queue again for a turn."""

OUR_OWN_FAULTS = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
)
"""For faults that are not the receiver's, such as a killed worker. A failed attempt names its own
delay, the contract's, with `next_retry_delay`."""


@workflow.defn(name=WorkflowType.DELIVERY)
class Delivery:
    """Attempt; retry on the schedule; wait while held, and for turns in a queue; end.

    Completed means delivered, Failed means exhausted or expired, Canceled means cancelled: the
    Temporal UI shows the outcome without a further write.
    """

    def __init__(self) -> None:
        self.released_as: Release | None = None
        self.expired = False
        self.turn = 0
        self.latest: DeliveryLog | None = None

    @workflow.run
    async def run(self, delivery: DeliveryInput) -> DeliveryLog:
        """Deliver the event; return the log of all attempts.

        Raises:
            ApplicationError: the attempts ran out, or it was held for too long; the log is in its
                details.
        """
        log = _earlier_log()
        try:
            log = await self.attempt_first(delivery, log)
            while log.state in (DeliveryState.PENDING, DeliveryState.HELD):
                if log.state is DeliveryState.HELD:
                    log = await self.hold(delivery, log)
                elif log.queued:
                    log = await self.wait_for_turn(delivery, log)
                else:
                    log = await self.retry_on_schedule(delivery, log)
        except (ActivityError, asyncio.CancelledError):
            log = await self.report_cancelled(delivery, self.latest or log)
            if not log.state.ended_by_attempt:
                raise
        workflow.set_current_details(delivery_details(delivery, log))
        if log.state in (DeliveryState.EXHAUSTED, DeliveryState.EXPIRED):
            raise ApplicationError(failure_text(log), log, type=log.state)
        if log.state is DeliveryState.CANCELLED:
            await self.cancel(log)
        return log

    async def attempt_first(self, delivery: DeliveryInput, earlier: DeliveryLog) -> DeliveryLog:
        """Attempt at once, as a local activity; after a fault of ours, leave it to the schedule."""
        try:
            log = await workflow.execute_local_activity_method(
                DeliveryActivities.first_attempt,
                AttemptInput(delivery=delivery, log=earlier),
                start_to_close_timeout=LONGEST_ATTEMPT,
                retry_policy=RetryPolicy(maximum_attempts=1),
                summary=attempt_summary(delivery, earlier),
            )
            if log.begun_on:
                log = await self.wait_for_reply(delivery, earlier, log.begun_on)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            return earlier
        return log

    async def wait_for_reply(
        self, delivery: DeliveryInput, log: DeliveryLog, own_queue: str
    ) -> DeliveryLog:
        """Wait, even if cancelled, for a reply that takes long, on its worker's own task queue."""
        reply = workflow.start_activity_method(
            DeliveryActivities.first_attempt,
            AttemptInput(delivery=delivery, log=log),
            task_queue=own_queue,
            schedule_to_start_timeout=WORKER_GONE,
            start_to_close_timeout=LONGEST_ATTEMPT,
            heartbeat_timeout=MISSED_IN_SLOW_LANE,
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary=attempt_summary(delivery, log),
        )
        try:
            return await asyncio.shield(reply)
        except asyncio.CancelledError:
            with suppress(ActivityError):
                await self.keep(reply)
            raise

    async def retry_on_schedule(self, delivery: DeliveryInput, log: DeliveryLog) -> DeliveryLog:
        """Make the next attempts, on a schedule that Temporal keeps.

        It returns a log that is still pending if the delivery is to go on in the slow lane. The
        memo is written only if it has something to show: it is a write to visibility as well.
        """
        if log.attempts or not log.untried:
            workflow.upsert_memo({MemoKey.ATTEMPTS: log})
        workflow.set_current_details(delivery_details(delivery, log))
        queue = workflow.info().task_queue
        retries = workflow.start_activity_method(
            DeliveryActivities.retry,
            AttemptInput(delivery=delivery, log=log),
            task_queue=slow_lane(queue) if log.slow else queue,
            start_to_close_timeout=LONGEST_ATTEMPT,
            heartbeat_timeout=MISSED_IN_SLOW_LANE if log.slow else MISSED_HEARTBEAT,
            retry_policy=OUR_OWN_FAULTS,
            summary=retry_summary(delivery, log),
        )
        try:
            return await asyncio.shield(retries)
        except asyncio.CancelledError:
            retries.cancel()
            # Unless this raises, they had ended when the cancellation came: what was sent is known.
            await self.keep(retries)
            raise

    async def keep(self, attempts: Awaitable[DeliveryLog]) -> None:
        """Keep the log of attempts that a cancellation has not stopped."""
        self.latest = await attempts
        workflow.upsert_memo({MemoKey.ATTEMPTS: self.latest})

    async def wait_for_turn(self, delivery: DeliveryInput, log: DeliveryLog) -> DeliveryLog:
        """Wait for a turn in the endpoint's queue, where the activity has taken a place.

        The first attempt is made here, in a local activity again. If no turn comes for a long time,
        the activity takes a place once more: the queue may have been full, or ended by a person.
        """
        if log.attempts:
            workflow.upsert_memo({MemoKey.ATTEMPTS: log})
        workflow.set_current_details(delivery_details(delivery, log))
        log = log.model_copy(update={"queued": False, "retry_in_seconds": 0.0})
        try:
            await workflow.wait_condition(
                lambda: self.turn >= log.next_number,
                timeout=TURN_COMES_WITHIN,
                timeout_summary=turn_summary(log),
            )
        except TimeoutError:
            return log
        log = log.model_copy(update={"turn": log.next_number})
        return log if log.steps else await self.attempt_first(delivery, log)

    async def hold(self, delivery: DeliveryInput, log: DeliveryLog) -> DeliveryLog:
        """Wait, with no timer and no slot, until the endpoint releases it or it expires.

        The endpoint has counted it by now, and finds it by these search attributes. So it is not
        forgotten, even if the endpoint became active this very moment.
        """
        self.released_as, self.expired, self.turn = None, False, log.turn
        log = log.held_once_more(workflow.now())
        self.show_held(delivery, log)
        workflow.set_current_details(delivery_details(delivery, log))
        await workflow.wait_condition(lambda: self.released_as is not None or self.expired)
        if self.expired:
            return await self.expire(delivery, log)
        workflow.upsert_search_attributes([DELIVERY_STATE.value_unset()])
        return log.released(self.released_as)

    def show_held(self, delivery: DeliveryInput, log: DeliveryLog) -> None:
        """Show that it is held, since when, and its place in the queue."""
        workflow.upsert_memo({MemoKey.ATTEMPTS: log})
        workflow.upsert_search_attributes(
            [
                DELIVERY_STATE.value_set(DeliveryState.HELD),
                ACCEPTED_AT.value_set(delivery.accepted_at or delivery.happened_at),
                HELD_SINCE.value_set(log.held_since or workflow.now()),
            ]
        )

    async def expire(self, delivery: DeliveryInput, log: DeliveryLog) -> DeliveryLog:
        """End: it was held for too long."""
        workflow.upsert_search_attributes([DELIVERY_STATE.value_set(DeliveryState.EXPIRED)])
        await self.report_ended(delivery, log, DeliveryState.EXPIRED)
        return log.model_copy(update={"state": DeliveryState.EXPIRED})

    async def cancel(self, log: DeliveryLog) -> None:
        """End as cancelled, with the log: the endpoint was found deleted, or gone."""
        workflow.upsert_memo({MemoKey.ATTEMPTS: log})
        await workflow.execute_local_activity_method(
            DeliveryActivities.cancel_workflow,
            start_to_close_timeout=CALL_TIMEOUT,
            summary="end as cancelled: its endpoint was deleted, is gone or does not want it",
        )
        await workflow.wait_condition(lambda: False)

    async def report_cancelled(self, delivery: DeliveryInput, log: DeliveryLog) -> DeliveryLog:
        """Keep the log, and report to the endpoint that this delivery no longer waits for it.

        Return the log. It may tell that an attempt has ended the delivery before it was cancelled.

        The cancellation of an activity leaves with the commands of this very workflow task, so the
        server still has the heartbeats. The log in them says whether the attempt that followed a
        release was reported. What was reported and not recorded, the endpoint knows.
        """
        cancelled = log.model_copy(update={"state": DeliveryState.CANCELLED})
        workflow.set_current_details(delivery_details(delivery, cancelled))
        recorded = await workflow.execute_local_activity_method(
            DeliveryActivities.recorded_log,
            AttemptInput(delivery=delivery, log=log),
            start_to_close_timeout=LONGEST_ATTEMPT,
            summary="keep the log of the attempts",
        )
        if recorded.attempts:
            workflow.upsert_memo({MemoKey.ATTEMPTS: recorded})
            log = recorded
        if not log.state.ended_by_attempt:
            await self.report_ended(delivery, log, DeliveryState.CANCELLED)
        return log

    async def report_ended(
        self, delivery: DeliveryInput, log: DeliveryLog, state: DeliveryState
    ) -> None:
        """Report to the endpoint how this delivery ends, so that it no longer counts it as held."""
        await workflow.execute_local_activity_method(
            DeliveryActivities.report_ended,
            EndedInput(delivery=delivery, log=log, state=state),
            start_to_close_timeout=LONGEST_ATTEMPT,
            summary=f"report to the endpoint: {state}",
        )

    @workflow.signal(name=Signal.RELEASE, description="Release it, if it is held.")
    def release(self, release: Release) -> None:
        """Release it, if it is held."""
        self.released_as = release

    @workflow.signal(name=Signal.TURN, description="Its turn in the queue: make this attempt.")
    def take_turn(self, attempt: int) -> None:
        """Make the attempt of this number: it has its turn in the queue."""
        self.turn = max(self.turn, attempt)

    @workflow.signal(name=Signal.EXPIRE, description="End it, if it is held: held for too long.")
    def let_expire(self) -> None:
        """End it, if it is held."""
        self.expired = True


def _earlier_log() -> DeliveryLog:
    """Return the log of the run before, which a resend is started with; an empty one otherwise."""
    log: DeliveryLog = workflow.memo_value(MemoKey.ATTEMPTS, DeliveryLog(), type_hint=DeliveryLog)
    return log
