"""An endpoint whose tenant does not answer, or goes away; and what it clears up in the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from support.endpoints import FakeWorld, create_endpoint, running_endpoint
from support.stack import unique
from support.waiting import assert_eventually
from temporalio import activity
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from hookwright.audit import AuditAction, AuditNote, AuditTrail
from hookwright.ids import endpoint_workflow_id
from hookwright.models import DeliveryScope, EndpointConfig, EndpointDeleteUpdate
from hookwright.routing import TenantRouteChange
from hookwright.temporal import ActivityName, MemoKey, Signal
from workflows.clearing_up import SEARCH_PAUSES_SECONDS
from workflows.endpoint import Endpoint
from workflows.endpoint_messages import EndpointCreateUpdate
from workflows.endpoint_record import TENANT_ANSWERS_WITHIN


@dataclass
class SilentWorld(FakeWorld):
    """A world whose tenant may not answer, though it may hear; each search finds what is given."""

    silent: bool = False
    unheard: int = 0
    looks: int = 0
    found: list[int] = field(default_factory=list)

    @activity.defn(name=ActivityName.REGISTER_ROUTE)
    async def register_route(self, asked: TenantRouteChange) -> None:
        self.hear()
        self.routes.append(asked.change.route)

    @activity.defn(name=ActivityName.UNREGISTER_ROUTE)
    async def unregister_route(self, _asked: TenantRouteChange) -> None:
        self.hear()
        self.routes.append(None)

    @activity.defn(name=ActivityName.CANCEL_DELIVERIES)
    async def cancel_deliveries(self, _scope: DeliveryScope) -> int:
        self.looks += 1
        return self.found.pop(0) if self.found else 0

    def hear(self) -> None:
        if self.silent:
            self.unheard += 1
            raise TimeoutError

    async def until_given_up(self, asked: asyncio.Task) -> ApplicationError:
        """Let the time pass that a tenant has, and return what the update failed with."""
        await assert_eventually(lambda: self.unheard)
        await self.clock.sleep(TENANT_ANSWERS_WITHIN)
        await assert_eventually(asked.done)
        with pytest.raises(WorkflowUpdateFailedError) as failure:
            await asked
        return failure.value.cause


@pytest.fixture
async def world(time_skipping: WorkflowEnvironment) -> SilentWorld:
    return SilentWorld(time_skipping)


@asynccontextmanager
async def worker(world: SilentWorld) -> AsyncIterator[str]:
    """Run a worker for an endpoint that is not there yet; yield its task queue."""
    task_queue = unique("queue")
    activities = [world.register_route, world.unregister_route, world.cancel_deliveries]
    async with Worker(
        world.environment.client,
        task_queue=task_queue,
        workflows=[Endpoint],
        activities=activities,
    ):
        yield task_queue


async def test_a_change_is_taken_back_and_announced_again(world: SilentWorld) -> None:
    """A change that the tenant does not answer fails in time, and keeps no other from its turn.

    The tenant may have heard it all the same, so the route as it is goes out anew, newer than it.
    """
    async with running_endpoint(world, event_types=["before"]) as it:
        it.silent = True
        failed = await it.until_given_up(asyncio.create_task(it.change(event_types=["after"])))
        assert failed.type == "late"
        state = await it.state()
        assert (state.config.event_types, it.unheard > 1) == (["before"], True)
        it.silent = False
        await it.sleep(minutes=1)
        changed = await it.change(description="changed")
        assert changed.config.description == "changed"
        announced = [(route.version, route.event_types) for route in it.routes]
        assert announced[0] == (1, ["before"])
        assert announced[-1] == (changed.version, ["before"])
        assert [version for version, _ in announced] == sorted(
            {version for version, _ in announced}
        )
        assert announced[1][0] > 2
        assert len(announced) == 3


async def test_a_note_outlives_a_change_that_is_taken_back(world: SilentWorld) -> None:
    """What was asked for while a refused change waited stays in the trail; the change goes."""
    async with running_endpoint(world) as it:
        it.silent = True
        change = asyncio.create_task(it.change(description="never"))
        await assert_eventually(lambda: it.unheard)
        for subject in ("ep:1", "ep:2"):
            note = AuditNote(action=AuditAction.DELIVERY_RETRIED, subject=subject, by="tenant_key")
            await it.handle.signal(Signal.NOTE, note)
        assert (await it.until_given_up(change)).type == "late"
        it.silent = False
        description = await it.handle.describe()
        trail = await description.memo_value(MemoKey.AUDIT, type_hint=AuditTrail)
        shown = [(entry.number, entry.action, entry.subject, entry.times) for entry in trail.latest]
        assert shown == [(1, "created", None, 1), (2, "delivery_retried", "ep:2", 2)]


async def test_a_failed_creation_leaves_no_route(world: SilentWorld) -> None:
    """A creation that the tenant does not answer fails; its route is taken out, if it is in.

    Who repeats it is asked to try again until that is done, and then gets the endpoint.
    """
    client = world.environment.client
    world.silent = True
    async with worker(world) as task_queue:
        endpoint_id = unique("ep")
        created = asyncio.create_task(create_endpoint(client, task_queue, endpoint_id))
        assert (await world.until_given_up(created)).type == "late"
        handle = client.get_workflow_handle(endpoint_workflow_id("t1", endpoint_id))
        again = EndpointCreateUpdate(
            config=EndpointConfig(url="https://a.example"), secret="s", headers={}, digest="created"
        )
        with pytest.raises(WorkflowUpdateFailedError) as failure:
            await handle.execute_update(Endpoint.create, again)
        assert failure.value.cause.type == "late"
        world.silent = False
        await world.sleep(minutes=5)
        await world.result(handle)
        assert world.routes == [None]
        await create_endpoint(client, task_queue, endpoint_id)
        assert [route.version for route in world.routes[1:]] == [1]
        await handle.execute_update(Endpoint.delete)
        await world.sleep(minutes=5)
        await world.result(handle)


async def test_a_deletion_is_done_though_the_tenant_was_silent(world: SilentWorld) -> None:
    """A deletion that the tenant does not answer fails in time; its route is taken out later."""
    async with running_endpoint(world) as it:
        it.silent = True
        deletion = asyncio.create_task(it.handle.execute_update(Endpoint.delete))
        assert (await it.until_given_up(deletion)).type == "late"
        assert (await it.state()).deleted
        it.silent = False
        await it.sleep(minutes=5)
        assert it.routes[1:] == [None]
        assert it.looks


async def test_deleted_with_its_tenant_it_asks_nobody(world: SilentWorld) -> None:
    """An endpoint that goes with its tenant waits for nothing, and searches nothing."""
    async with worker(world) as task_queue:
        handle = await create_endpoint(world.environment.client, task_queue, unique("ep"))
        world.silent = True
        await handle.execute_update(Endpoint.delete, EndpointDeleteUpdate(with_tenant=True))
        await world.result(handle)
        assert (world.unheard, world.looks) == (0, 0)


@pytest.mark.parametrize(
    ("found", "looks"),
    [([], 4), ([3], 4), ([0, 0, 1], 4), ([0, 0, 0, 1], 5), ([0, 0, 0, 2, 1, 0], 6)],
)
async def test_late_rows_of_visibility_are_found(
    world: SilentWorld, found: list[int], looks: int
) -> None:
    """It looks several times, with growing pauses, until the longest has brought nothing new."""
    world.found = list(found)
    async with worker(world) as task_queue:
        handle = await create_endpoint(world.environment.client, task_queue, unique("ep"))
        await handle.execute_update(Endpoint.delete)
        await world.sleep(minutes=5)
        await world.result(handle)
    assert world.looks == looks
    timers = [
        event.timer_started_event_attributes.start_to_fire_timeout.seconds
        async for event in handle.fetch_history_events()
        if event.HasField("timer_started_event_attributes")
    ]
    assert timers[-looks:] == [*SEARCH_PAUSES_SECONDS, *[SEARCH_PAUSES_SECONDS[-1]] * (looks - 4)]
