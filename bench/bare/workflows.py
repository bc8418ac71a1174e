"""The workflows that Hookwright is compared with. Their only activity does nothing.

The SDK's sandbox imports this module again for every run, so it contains nothing else.
"""

from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
async def no_op() -> None:
    """Do nothing."""


@workflow.defn
class Bare:
    """One activity, as a beginner would write it. It has two workflow tasks."""

    @workflow.run
    async def run(self) -> None:
        """Run the activity."""
        await workflow.execute_activity(no_op, start_to_close_timeout=timedelta(seconds=10))


@workflow.defn
class Lean:
    """One local activity, which runs inside the only workflow task: the least that is possible."""

    @workflow.run
    async def run(self) -> None:
        """Run the local activity."""
        await workflow.execute_local_activity(no_op, start_to_close_timeout=timedelta(seconds=10))
