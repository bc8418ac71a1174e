"""What the server tells of tasks that no worker has taken."""

import asyncio
from datetime import timedelta

import pytest
from support.stack import unique
from support.waiting import eventually
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.shares import NoRoomError, waiting_error
from hookwright.outcomes import Outcome
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


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (waiting_error(NoRoomError(3_600.0, 1)), True),
        (ApplicationError("later", type=Outcome.HTTP_ERROR), False),
    ],
    ids=["no_room", "later"],
)
async def test_an_activity_without_room_waits_for_a_worker(
    client: Client, error: ApplicationError, *, expected: bool
) -> None:
    """What has found no room asks again, and waits until then; a retry has a time of its own."""
    tried = asyncio.Event()

    @activity.defn(name="one")
    async def one() -> None:
        tried.set()
        raise error

    async def waits() -> bool | None:
        execution = await described(client, handle.id)
        assert execution
        pending = execution.raw_description.pending_activities
        return waits_for_worker(execution) if pending and pending[0].attempt > 1 else None

    task_queue = unique("queue")
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[OneActivity],
        activities=[one],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        handle = await client.start_workflow(
            OneActivity.run, task_queue, id=unique("workflow"), task_queue=task_queue
        )
        await tried.wait()
        assert await eventually(waits, lambda it: it is not None) == expected
        await handle.terminate()
