"""What is left of workflows that have left the worker's cache."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from support.stack import unique
from support.waiting import eventually
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateStage
from temporalio.exceptions import CancelledError
from temporalio.worker import Worker

from runtime.worker.evictions import EmptyingRunner

LONG = timedelta(hours=1)
WORKFLOWS, CACHED = 8, 2

alive: "weakref.WeakSet[Waits]" = weakref.WeakSet()


@workflow.defn
class Waits:
    """A workflow that waits in the ways in which ours wait."""

    @workflow.init
    def __init__(self, activities: str) -> None:
        self.activities = activities
        self.updates = 0
        alive.add(self)

    @workflow.run
    async def run(self, activities: str) -> None:
        self.task = asyncio.create_task(self.wait())
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: False, timeout=LONG)
        await workflow.execute_activity("none", task_queue=activities, start_to_close_timeout=LONG)

    async def wait(self) -> None:
        activity = workflow.execute_activity(
            "none", task_queue=self.activities, start_to_close_timeout=LONG
        )
        try:
            await asyncio.gather(activity, asyncio.sleep(LONG.total_seconds()))
        finally:
            self.updates = 0

    @workflow.update(unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def update(self) -> int:
        self.updates += 1
        await workflow.wait_condition(lambda: not self.updates)
        return self.updates


@pytest.fixture
def no_search_for_garbage() -> Iterator[None]:
    """Have nothing freed but what nothing refers to."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_search_for_garbage")
async def test_what_leaves_the_cache_is_freed(client: Client) -> None:
    """Of workflows that wait, only those in the cache stay in memory, and all go on to an end."""
    queue, nobody = unique("queue"), unique("queue")
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Waits],
        workflow_runner=EmptyingRunner(),
        max_cached_workflows=CACHED,
    ):
        handles = [
            await client.start_workflow(Waits.run, nobody, id=unique("waits"), task_queue=queue)
            for _ in range(WORKFLOWS)
        ]
        for handle in handles:
            await handle.start_update(Waits.update, wait_for_stage=WorkflowUpdateStage.ACCEPTED)

        async def in_memory() -> int:
            return len(alive)

        await eventually(in_memory, lambda number: number == CACHED)
        for handle in handles:
            await handle.cancel()
            with pytest.raises(WorkflowFailureError) as ended:
                await handle.result()
            assert isinstance(ended.value.cause, CancelledError)
