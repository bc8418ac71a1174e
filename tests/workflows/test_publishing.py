"""An endpoint's memo is written once an activation, and never late."""

import asyncio
from dataclasses import dataclass, field

from support.endpoints import FakeWorld, create_endpoint, endpoint_worker, running_endpoint
from support.health import report
from support.stack import unique
from support.waiting import eventually
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from hookwright.health import Reports
from hookwright.models import EndpointState
from hookwright.outcomes import EndpointStatus, Outcome
from hookwright.routing import TenantRouteChange
from hookwright.temporal import ActivityName, MemoKey
from workflows.deadline import Deadline
from workflows.endpoint import MAX_SIGNALS, Endpoint

UPSERT = EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED
ANEW = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
MANY = MAX_SIGNALS - 100
LARGE = {
    "description": "d" * 1_024,
    "metadata": {"m": "v" * 4_000},
    "payload_template": "data." + "x" * 900,
}


async def shown(handle) -> EndpointState:
    description = await handle.describe()
    return await description.memo_value(MemoKey.ENDPOINT, type_hint=EndpointState)


async def test_a_thousand_signals_in_one_task(client: Client) -> None:
    """However many reports wait for a large endpoint's worker, it writes its memo once or twice."""
    world, task_queue = FakeWorld(), unique("queue")
    async with endpoint_worker(client, world, task_queue):
        handle = await create_endpoint(client, task_queue, unique("ep"), **LARGE)
    size = len((await shown(handle)).model_dump_json())
    assert size * MANY > 4 * 2**20
    before = sum([event.event_type == UPSERT async for event in handle.fetch_history_events()])
    now = (await handle.describe()).start_time
    gate = asyncio.Semaphore(50)

    async def fail() -> None:
        async with gate:
            it = report(now, outcome=Outcome.HTTP_ERROR, status_code=500)
            await handle.signal("report", Reports(reports=[it]))

    await asyncio.gather(*(fail() for _ in range(MANY)))
    async with endpoint_worker(client, world, task_queue):
        state = await eventually(
            lambda: shown(handle), lambda it: it.health.streak.failures == MANY, within=60
        )
        assert state.version == 1
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        after = sum([event.event_type == UPSERT async for event in handle.fetch_history_events()])
        assert after - before < 10
        await handle.terminate()


async def test_who_is_answered_reads_the_change(client: Client) -> None:
    """As soon as an update is answered, the memo shows what it changed, time and again."""
    world, task_queue = FakeWorld(), unique("queue")
    async with endpoint_worker(client, world, task_queue):
        handle = await create_endpoint(client, task_queue, unique("ep"))
        for _ in range(15):
            for update, status in (
                (Endpoint.pause, EndpointStatus.PAUSED),
                (Endpoint.resume, EndpointStatus.ACTIVE),
            ):
                answer = await handle.execute_update(update, Deadline())
                state = await shown(handle)
                assert (state.status, state.version) == (status, answer.version)
        await handle.execute_update(Endpoint.delete)
        assert (await shown(handle)).deleted
        await handle.result()


@dataclass
class ReadingWorld(FakeWorld):
    """A tenant that reads an endpoint's memo when it is told of a version."""

    read: list[int] = field(default_factory=list)

    @activity.defn(name=ActivityName.REGISTER_ROUTE)
    async def register_route(self, asked: TenantRouteChange) -> None:
        handle = self.environment.client.get_workflow_handle(activity.info().workflow_id)
        self.read.append((await shown(handle)).version - asked.change.route.version)


async def test_the_route_is_told_what_can_be_read(time_skipping: WorkflowEnvironment) -> None:
    """When a version is entered into the route table, deliveries can read it."""
    async with running_endpoint(ReadingWorld(time_skipping)) as world:
        for number in range(5):
            await world.change(description=str(number))
        assert world.read == [0] * 6


async def test_nothing_is_written_beside_the_next_run(time_skipping: WorkflowEnvironment) -> None:
    """A run that continues as new writes no memo in its last task, and the next run shows it."""
    async with running_endpoint(FakeWorld(time_skipping)) as world:
        first = (await world.handle.describe()).run_id
        gate = asyncio.Semaphore(50)

        async def fail() -> None:
            async with gate:
                await world.report(outcome=Outcome.HTTP_ERROR, status_code=500)

        await asyncio.gather(*(fail() for _ in range(MAX_SIGNALS)))
        state = await world.until(lambda it: it.health.streak.failures == MAX_SIGNALS)
        assert state.version == 1
        assert (await world.handle.describe()).run_id != first
        old = world.environment.client.get_workflow_handle(world.handle.id, run_id=first)
        *_, last = events = [event async for event in old.fetch_history_events()]
        assert last.event_type == ANEW
        task = last.workflow_execution_continued_as_new_event_attributes
        for event in events:
            if event.event_type == UPSERT:
                written = event.workflow_properties_modified_event_attributes
                assert (
                    written.workflow_task_completed_event_id
                    != task.workflow_task_completed_event_id
                )
