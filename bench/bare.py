"""The workflow that Hookwright is compared with: one no-op activity, written as a beginner would.

The SDK's sandbox imports this module again for every run, so it contains nothing else.
"""

from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
async def no_op() -> None:
    """Do nothing."""


@workflow.defn
class Bare:
    """A workflow that runs one activity."""

    @workflow.run
    async def run(self) -> None:
        """Run the activity."""
        await workflow.execute_activity(no_op, start_to_close_timeout=timedelta(seconds=10))
