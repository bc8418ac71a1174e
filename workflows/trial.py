"""`Trial`: one test event for one endpoint, whose outcome somebody waits for."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.delivery import Attempts
    from hookwright.models import Attempt, TrialInput

LONGEST_ATTEMPT = timedelta(seconds=75)


@workflow.defn
class Trial:
    """A single attempt. It touches neither the endpoint's health nor its delivery log."""

    @workflow.run
    async def run(self, trial: TrialInput) -> Attempt:
        """Send the event once; return the attempt."""
        return await workflow.execute_activity_method(
            Attempts.try_out,
            trial,
            start_to_close_timeout=LONGEST_ATTEMPT,
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
