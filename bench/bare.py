"""What Hookwright is compared with: a workflow with one no-op activity, as a newcomer writes it.

The sandbox imports this module anew for every run, so nothing else belongs here.
"""

from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
async def no_op() -> None:
    """Do nothing."""


@workflow.defn
class Bare:
    """Runs one activity."""

    @workflow.run
    async def run(self) -> None:
        """Run it."""
        await workflow.execute_activity(no_op, start_to_close_timeout=timedelta(seconds=10))
