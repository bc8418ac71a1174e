"""How an endpoint shows its state to others: the copy in its memo."""

import asyncio
from typing import TYPE_CHECKING

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from hookwright.ids import ENDPOINT_MEMO

if TYPE_CHECKING:
    from workflows.endpoint import Endpoint


class Publishing:
    """Copies the state to the memo: once, however many handlers changed it in an activation.

    The SDK looks at conditions when all handlers of an activation have run, and all its commands
    are stored together: who is answered, or runs an activity, after a change can read it. A copy
    for each of a thousand signals would exceed what Temporal takes in one message, and it would
    end the workflow.
    """

    def __init__(self, endpoint: "Endpoint") -> None:
        self.endpoint = endpoint
        self.changed = False
        self.task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Publish whatever changes, as long as the run lasts."""
        self.task = asyncio.create_task(self._go_on())

    async def _go_on(self) -> None:
        while True:
            await workflow.wait_condition(lambda: self.changed and not self.endpoint.passing_on())
            self.changed = False
            workflow.upsert_memo({ENDPOINT_MEMO: self.endpoint.state.public()})
