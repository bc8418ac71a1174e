"""`EndpointTest`: one test event for one endpoint, whose outcome somebody waits for."""

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.delivery import EndpointTestActivities
    from hookwright.models import LONGEST_ATTEMPT, Attempt, EndpointTestInput
    from hookwright.temporal import WorkflowType


@workflow.defn(name=WorkflowType.ENDPOINT_TEST)
class EndpointTest:
    """A single attempt. It touches neither the endpoint's health nor its delivery log."""

    @workflow.run
    async def run(self, test: EndpointTestInput) -> Attempt:
        """Send the test event once; return the attempt."""
        return await workflow.execute_activity_method(
            EndpointTestActivities.send_test,
            test,
            start_to_close_timeout=LONGEST_ATTEMPT,
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary=f"POST of a test event to {test.endpoint_id}",
        )
