"""`Reencryption`: has everything that lives long rewritten under the first key."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.keys import ReencryptionActivities
    from hookwright.models import ReencryptionInput, RenewalProgress
    from hookwright.temporal import ErrorType, MemoKey, WorkflowType

SEARCH_TIMEOUT = timedelta(hours=1)
MISSED_HEARTBEAT = timedelta(seconds=10)
CALL_TIMEOUT = timedelta(seconds=10)

PAUSE = timedelta(seconds=3)
"""Between two searches: a workflow that is asked first finishes what it is doing."""

PATIENCE = timedelta(minutes=5)
"""An endpoint continues after its turn, which lasts a minute at most."""

SEARCHES_IN_A_RUN = 100
"""Each makes some ten history events."""


@workflow.defn(name=WorkflowType.REENCRYPTION)
class Reencryption:
    """Searches for what is under an older key, and asks it to continue as new, until none is left.

    If it is interrupted, the next search finds what remains.
    """

    @workflow.run
    async def run(self, request: ReencryptionInput) -> RenewalProgress:
        """Have everything rewritten; return how much that was.

        Raises:
            ApplicationError: a worker has another first key, or some have not followed.
        """
        request.began_at = request.began_at or workflow.info().workflow_start_time
        searches = 0
        while request.progress.remaining != 0:
            if searches == SEARCHES_IN_A_RUN:
                workflow.continue_as_new(request, memo={MemoKey.REENCRYPTION: request.progress})
            if searches:
                await workflow.sleep(PAUSE, summary="what was asked continues as new meanwhile")
            searches += 1
            request.progress = await workflow.execute_activity_method(
                ReencryptionActivities.renew_entities,
                request,
                start_to_close_timeout=SEARCH_TIMEOUT,
                heartbeat_timeout=MISSED_HEARTBEAT,
                summary=f"search {searches}: ask what is under an older key to continue as new",
            )
            workflow.upsert_memo({MemoKey.REENCRYPTION: request.progress})
            self.refuse_to_wait_longer(request.progress)
        await workflow.execute_activity_method(
            ReencryptionActivities.note_keys_left,
            request,
            start_to_close_timeout=CALL_TIMEOUT,
            summary=f"note that what lives long needs the key {request.key_id} only",
        )
        return request.progress

    def refuse_to_wait_longer(self, progress: RenewalProgress) -> None:
        """Raise if nothing has followed for a while."""
        if not progress.remaining or progress.fewer_at is None:
            return
        if workflow.now() < progress.fewer_at + PATIENCE:
            return
        names = ", ".join(progress.names)
        raise ApplicationError(
            f"{progress.remaining} of {progress.total} workflows have not been rewritten for"
            f" {PATIENCE.seconds // 60} minutes, {names} among them; the Temporal UI shows what"
            " keeps them. Then run `hookwright reencrypt` again",
            type=ErrorType.LATE,
            non_retryable=True,
        )
