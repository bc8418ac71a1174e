"""`Recovery`: sends what an endpoint has not had, at a rate."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    RetryState,
    TimeoutError,  # noqa: A004 - the SDK's, of an activity
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.recovery import RecoveryActivities
    from hookwright.models import RecoverInput, RecoveryInput, RecoveryProgress, RecoveryView
    from hookwright.temporal import MemoKey, WorkflowType
    from workflows.deadline import Deadline
    from workflows.explaining import explained_update, recovery_details

from workflows.logs import tell

LONGEST = timedelta(days=30)
MISSED_HEARTBEAT = timedelta(seconds=5)

CALL_TIMEOUT = timedelta(seconds=10)

OUR_OWN_FAULTS = RetryPolicy(maximum_interval=timedelta(seconds=10))


@workflow.defn(name=WorkflowType.RECOVERY)
class Recovery:
    """One activity does it, from start to end; its progress is in its heartbeats.

    When the recovery is paused, the activity ends early, and the next one goes on from there.
    """

    @workflow.init
    def __init__(self, recovery: RecoveryInput) -> None:
        self.view = RecoveryView(request=recovery)
        self.under_way = False

    @workflow.run
    async def run(self, recovery: RecoveryInput) -> RecoveryProgress:
        """Recover everything, with as many pauses as are asked for; return the progress.

        Raises:
            ApplicationError: the endpoint was deleted, or is gone.
        """
        workflow.set_current_details(recovery_details(self.view))
        try:
            while not self.view.progress.complete:
                await workflow.wait_condition(lambda: not self.view.paused)
                await self.recover_until_paused(recovery)
        except (Exception, asyncio.CancelledError):
            await _callers_are_answered()
            raise
        await _callers_are_answered()
        return self.view.progress

    async def recover_until_paused(self, recovery: RecoveryInput) -> None:
        """Run the activity until it is done, paused or cancelled, and keep its progress."""
        self.under_way = True
        activity = workflow.start_activity_method(
            RecoveryActivities.recover,
            RecoverInput(recovery=recovery, progress=self.view.progress),
            start_to_close_timeout=LONGEST,
            heartbeat_timeout=MISSED_HEARTBEAT,
            retry_policy=OUR_OWN_FAULTS,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=f"send what is {recovery.status}, {recovery.per_second:g} a second at most",
        )
        with suppress(asyncio.CancelledError):
            await workflow.wait_condition(lambda: activity.done() or self.view.paused)
        halting = asyncio.create_task(self.halt(activity))
        try:
            await asyncio.shield(halting)
        except asyncio.CancelledError:
            await halting  # the workflow is cancelled, and still halts in good order
        finally:
            self.under_way = False
        if workflow.cancellation_reason() is not None:
            raise asyncio.CancelledError  # it came before, or while the activity was halting

    async def halt(self, activity: workflow.ActivityHandle[RecoveryProgress]) -> None:
        """Cancel the activity if it is still running, wait for its end, and keep its progress."""
        recorded = RecoveryProgress()
        if not activity.done():
            recorded = await self.recorded()
            activity.cancel()
        await self.halted(activity, recorded)

    async def recorded(self) -> RecoveryProgress:
        """Return the progress in the activity's heartbeats, which a cancellation would remove."""
        return await workflow.execute_local_activity_method(
            RecoveryActivities.recorded_progress,
            start_to_close_timeout=CALL_TIMEOUT,
            summary="keep the progress before it stops",
        )

    async def halted(
        self, activity: workflow.ActivityHandle[RecoveryProgress], recorded: RecoveryProgress
    ) -> None:
        """Wait for the activity's end, and keep the latest progress that is known.

        If the activity is cancelled between two of its runs, it returns no progress. If its worker
        was killed, its cancellation ends as a missed heartbeat.
        """
        try:
            self.keep(await activity)
        except ActivityError as error:
            if is_cancelled_exception(error):
                self.keep_later(recorded)
            elif error.retry_state is RetryState.CANCEL_REQUESTED:
                self.keep_later(recorded)
                self.keep_later(*_reported_progress(error.cause))
            else:
                self.keep_later(*_reported_progress(error.cause))
                raise

    def keep_later(self, *found: RecoveryProgress) -> None:
        """Keep the progress that is further than the known one."""
        for progress in found:
            if progress.done > self.view.progress.done:
                self.keep(progress)

    def keep(self, progress: RecoveryProgress) -> None:
        """Keep the progress, and show it."""
        self.view.progress = progress
        self.show()

    def show(self) -> None:
        """Copy the state to the memo, and tell people who look at the workflow."""
        workflow.set_current_details(recovery_details(self.view))
        workflow.upsert_memo({MemoKey.RECOVERY: self.view})

    @explained_update
    async def pause(self, request: Deadline) -> None:  # noqa: ARG002 - validated
        """Pause; return once no more deliveries are started."""
        self.view.paused = True
        self.show()
        self.tell("paused")
        await workflow.wait_condition(lambda: not self.under_way)

    @explained_update
    async def resume(self, request: Deadline) -> None:  # noqa: ARG002 - validated
        """Go on after a pause."""
        self.view.paused = False
        self.show()
        self.tell("resumed")

    def tell(self, what: str) -> None:
        """Tell the log what a person did. How far it came, the activity tells."""
        request = self.view.request
        tell(f"recovery.{what}", tenant_id=request.tenant_id, endpoint_id=request.endpoint_id)

    @pause.validator
    def refuse_pause(self, request: Deadline) -> None:
        """Refuse a pause whose caller no longer waits for it."""
        request.refuse_when_late(workflow.now())

    @resume.validator
    def refuse_resume(self, request: Deadline) -> None:
        """Refuse to resume if the caller no longer waits for it."""
        request.refuse_when_late(workflow.now())


async def _callers_are_answered() -> None:
    """Wait until a caller that waits for a pause has its answer, however the recovery ends.

    This is not awaited in a `finally`: a worker that stops drops workflows in the midst of it.
    """
    await workflow.wait_condition(workflow.all_handlers_finished)


def _reported_progress(cause: BaseException | None) -> list[RecoveryProgress]:
    """Return the progress in a failed activity's details, or in its last heartbeat."""
    match cause:
        case ApplicationError():
            details = cause.details
        case TimeoutError():
            details = cause.last_heartbeat_details
        case _:
            details = ()
    return [RecoveryProgress.model_validate(each) for each in details[:1]]
