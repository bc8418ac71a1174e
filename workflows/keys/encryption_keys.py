"""`EncryptionKeys`: its history is the log of the keys that the namespace's data needs."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from hookwright.temporal import WorkflowType


@workflow.defn(name=WorkflowType.ENCRYPTION_KEYS)
class EncryptionKeys:
    """Lives for ever and does nothing. `activities.keys` writes and reads its history.

    A namespace has some signals in years, so the history never grows long.
    """

    @workflow.run
    async def run(self, first: RawValue) -> None:  # noqa: ARG002 - it is there to be stored
        """Keep the history."""
        await workflow.wait_condition(lambda: False)

    @workflow.signal(
        dynamic=True, description="An entry of the log: a key is used, left or retired."
    )
    def entry(self, name: str, arguments: Sequence[RawValue]) -> None:
        """Take an entry: that Temporal has stored it is all."""
