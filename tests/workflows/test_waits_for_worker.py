"""What the server tells of tasks that no worker has taken."""

import asyncio
from datetime import timedelta

from support.stack import unique
from support.waiting import eventually
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from hookwright.temporal import described, waits_for_worker


@workflow.defn
class OneActivity:
    """A workflow with one task, and with one activity in a task queue of its own."""

    @workflow.run
    async def run(self, task_queue: str) -> None:
        await workflow.execute_activity(
            "one", task_queue=task_queue, start_to_close_timeout=timedelta(minutes=5)
        )


async def test_tasks_wait_until_a_worker_takes_them(client: Client) -> None:
    """A workflow waits for a worker by its own task, then by its activity's, and then no more."""
    workflow_id, first, second = unique("workflow"), unique("queue"), unique("queue")
    over = asyncio.Event()

    @activity.defn(name="one")
    async def one() -> None:
        await over.wait()

    async def waits() -> tuple[bool, int]:
        execution = await described(client, workflow_id)
        assert execution
        return waits_for_worker(execution), len(execution.raw_description.pending_activities)

    handle = await client.start_workflow(OneActivity.run, second, id=workflow_id, task_queue=first)
    assert await waits() == (True, 0)
    async with Worker(
        client,
        task_queue=first,
        workflows=[OneActivity],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        await eventually(waits, lambda it: it == (True, 1))
        async with Worker(client, task_queue=second, activities=[one]):
            await eventually(waits, lambda it: it == (False, 1))
            over.set()
            await handle.result()
