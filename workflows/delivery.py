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
    from activities.attempt import Attempts
    from hookwright.ids import ATTEMPTS_MEMO
    from hookwright.models import DeliveryInput, DeliveryLog, DeliveryState

LONGEST_ATTEMPT = timedelta(seconds=75)
"""The longest timeout that an endpoint may have, 60 s, and room to describe it and to record."""

MISSED_HEARTBEAT = timedelta(seconds=5)
SHORT = timedelta(seconds=10)

OUR_OWN_FAULTS = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
)
"""For faults that are not the receiver's (a killed worker, say). A failed attempt names its own
delay, the contract's, with `next_retry_delay`."""


@workflow.defn
class Delivery:
    """Attempt; retry on the schedule; end delivered, exhausted or cancelled.

    Completed is delivered, Failed is exhausted, Canceled is cancelled: the Temporal UI shows the
    outcome without a further write.
    """

    @workflow.run
    async def run(self, delivery: DeliveryInput) -> DeliveryLog:
        """Deliver the event; return the log of all attempts.

        Raises:
            ApplicationError: the attempts ran out; the log is in its details.
        """
        log = await self.first_attempt(delivery)
        if log.state is DeliveryState.PENDING:
            log = await self.retry_on_schedule(delivery, log)
        if log.state is DeliveryState.EXHAUSTED:
            raise ApplicationError(
                f"exhausted after {len(log.attempts)} attempts", log, type="exhausted"
            )
        if log.state is DeliveryState.CANCELLED:
            await self.cancel(log)
        return log

    async def first_attempt(self, delivery: DeliveryInput) -> DeliveryLog:
        """Attempt at once, as a local activity; after a fault of ours, leave it to the schedule."""
        try:
            return await workflow.execute_local_activity_method(
                Attempts.attempt,
                delivery,
                start_to_close_timeout=LONGEST_ATTEMPT,
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            return DeliveryLog()

    async def retry_on_schedule(self, delivery: DeliveryInput, log: DeliveryLog) -> DeliveryLog:
        """Make the remaining attempts, on a schedule that Temporal keeps."""
        workflow.upsert_memo({ATTEMPTS_MEMO: log})
        try:
            return await workflow.execute_activity_method(
                Attempts.retry,
                args=[delivery, log],
                start_to_close_timeout=LONGEST_ATTEMPT,
                heartbeat_timeout=MISSED_HEARTBEAT,
                retry_policy=OUR_OWN_FAULTS,
            )
        except (ActivityError, asyncio.CancelledError):
            # The activity's cancellation leaves with the commands of this very workflow task, so
            # the server still has the heartbeats, and in them the log.
            recorded = await workflow.execute_local_activity_method(
                Attempts.recorded_log, start_to_close_timeout=SHORT
            )
            if recorded.attempts:
                workflow.upsert_memo({ATTEMPTS_MEMO: recorded})
            raise

    async def cancel(self, log: DeliveryLog) -> None:
        """End as cancelled, the log kept: the endpoint was found deleted."""
        workflow.upsert_memo({ATTEMPTS_MEMO: log})
        await workflow.execute_local_activity_method(
            Attempts.cancel_workflow, start_to_close_timeout=SHORT
        )
        await workflow.wait_condition(lambda: False)
