"""`Delivery`: one event on its way to one endpoint."""

import asyncio
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
    from activities.delivery import Attempts
    from hookwright.health import Release
    from hookwright.ids import ATTEMPTS_MEMO
    from hookwright.models import DeliveryInput, DeliveryLog
    from hookwright.outcomes import DeliveryState
    from hookwright.temporal import ACCEPTED_AT, DELIVERY_STATE, HELD_SINCE

LONGEST_ATTEMPT = timedelta(seconds=90)
"""The longest timeout that an endpoint may have, 60 s, and room to describe it, tell it, record."""

MISSED_HEARTBEAT = timedelta(seconds=5)
SHORT = timedelta(seconds=10)

OUR_OWN_FAULTS = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
)
"""For faults that are not the receiver's (a killed worker, say). A failed attempt names its own
delay, the contract's, with `next_retry_delay`."""


@workflow.defn
class Delivery:
    """Attempt; retry on the schedule; held, wait to be released; end.

    Completed is delivered, Failed is exhausted or expired, Canceled is cancelled: the Temporal UI
    shows the outcome without a further write.
    """

    def __init__(self) -> None:
        self.let_go: Release | None = None
        self.expired = False

    @workflow.run
    async def run(self, delivery: DeliveryInput) -> DeliveryLog:
        """Deliver the event; return the log of all attempts.

        Raises:
            ApplicationError: the attempts ran out, or it was held for too long; the log is in its
                details.
        """
        log = _earlier_log()
        try:
            log = await self.first_attempt(delivery, log)
            while log.state in (DeliveryState.PENDING, DeliveryState.HELD):
                if log.state is DeliveryState.HELD:
                    log = await self.hold(delivery, log)
                else:
                    log = await self.retry_on_schedule(delivery, log)
        except (ActivityError, asyncio.CancelledError):
            await self.say_cancelled(delivery, log)
            raise
        if log.state in (DeliveryState.EXHAUSTED, DeliveryState.EXPIRED):
            raise ApplicationError(
                f"{log.state} after {len(log.attempts)} attempts", log, type=log.state
            )
        if log.state is DeliveryState.CANCELLED:
            await self.cancel(log)
        return log

    async def first_attempt(self, delivery: DeliveryInput, earlier: DeliveryLog) -> DeliveryLog:
        """Attempt at once, as a local activity; after a fault of ours, leave it to the schedule."""
        try:
            return await workflow.execute_local_activity_method(
                Attempts.attempt,
                args=[delivery, earlier],
                start_to_close_timeout=LONGEST_ATTEMPT,
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            return earlier

    async def retry_on_schedule(self, delivery: DeliveryInput, log: DeliveryLog) -> DeliveryLog:
        """Make the next attempts, on a schedule that Temporal keeps."""
        workflow.upsert_memo({ATTEMPTS_MEMO: log})
        return await workflow.execute_activity_method(
            Attempts.retry,
            args=[delivery, log],
            start_to_close_timeout=LONGEST_ATTEMPT,
            heartbeat_timeout=MISSED_HEARTBEAT,
            retry_policy=OUR_OWN_FAULTS,
        )

    async def say_cancelled(self, delivery: DeliveryInput, log: DeliveryLog) -> None:
        """Keep the log, and tell the endpoint that this delivery waits for it no more.

        The cancellation of an activity leaves with the commands of this very workflow task, so the
        server still has the heartbeats, and in them the log: whether what followed a release was
        told. What was told and not recorded, or is being told just now, the endpoint knows.
        """
        recorded = await workflow.execute_local_activity_method(
            Attempts.recorded_log, start_to_close_timeout=SHORT
        )
        if recorded.attempts:
            workflow.upsert_memo({ATTEMPTS_MEMO: recorded})
            log = recorded
        await self.leave(delivery, log, DeliveryState.CANCELLED)

    async def hold(self, delivery: DeliveryInput, log: DeliveryLog) -> DeliveryLog:
        """Park, with no timer and no slot, until the endpoint lets it go or it expires.

        The endpoint has counted it by now, and looks for it by these search attributes: it is not
        forgotten, even if the endpoint came back this very moment.
        """
        self.let_go, self.expired = None, False
        log = log.model_copy(
            update={"held_since": log.held_since or workflow.now(), "holds": log.holds + 1}
        )
        self.show_held(delivery, log)
        await workflow.wait_condition(lambda: self.let_go is not None or self.expired)
        if self.expired:
            return await self.expire(delivery, log)
        workflow.upsert_search_attributes([DELIVERY_STATE.value_unset()])
        return log.model_copy(
            update={
                "state": DeliveryState.PENDING,
                "retry_in_seconds": 0.0,
                "release": self.let_go,
            }
        )

    def show_held(self, delivery: DeliveryInput, log: DeliveryLog) -> None:
        """Show that it is held, since when, and its place in the queue."""
        workflow.upsert_memo({ATTEMPTS_MEMO: log})
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
        await self.leave(delivery, log, DeliveryState.EXPIRED)
        return log.model_copy(update={"state": DeliveryState.EXPIRED})

    async def leave(self, delivery: DeliveryInput, log: DeliveryLog, ended: DeliveryState) -> None:
        """Tell the endpoint not to count this delivery any more, and how it ends."""
        await workflow.execute_local_activity_method(
            Attempts.leave, args=[delivery, log, ended], start_to_close_timeout=LONGEST_ATTEMPT
        )

    async def cancel(self, log: DeliveryLog) -> None:
        """End as cancelled, the log kept: the endpoint was found deleted, or gone."""
        workflow.upsert_memo({ATTEMPTS_MEMO: log})
        await workflow.execute_local_activity_method(
            Attempts.cancel_workflow, start_to_close_timeout=SHORT
        )
        await workflow.wait_condition(lambda: False)

    @workflow.signal
    def release(self, release: Release) -> None:
        """Let it go, if it is held."""
        self.let_go = release

    @workflow.signal(name="expire")
    def let_expire(self) -> None:
        """End it, if it is held."""
        self.expired = True


def _earlier_log() -> DeliveryLog:
    """Return what a replay goes on with: the log of the run before it, given with its start."""
    log: DeliveryLog = workflow.memo_value(ATTEMPTS_MEMO, DeliveryLog(), type_hint=DeliveryLog)
    return log
