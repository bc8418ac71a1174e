"""A real `Endpoint` on a server that skips time, with fakes for what is around it.

That server has no visibility, so `FakeWorld` keeps a list of what is held.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from hookwright.contracts import DeactivationRule
from hookwright.health import Notice, Report, Reports, shows_working_receiver
from hookwright.ids import endpoint_workflow_id
from hookwright.models import (
    DeliveryScope,
    EndpointConfig,
    EndpointRef,
    EndpointState,
    NoticesInput,
    ProbeInput,
    ReleaseInput,
    Route,
)
from hookwright.outcomes import DeliveryState, Outcome
from hookwright.routing import TenantRouteChange
from hookwright.temporal import ActivityName, MemoKey, Signal
from hookwright.webhook import generate_secret
from support.health import report
from support.stack import unique
from support.waiting import eventually
from workflows.endpoint import Endpoint
from workflows.endpoint_messages import (
    EndpointChangeUpdate,
    EndpointCreateUpdate,
    EndpointSwitchUpdate,
    SecretRotateUpdate,
)

HOLD = timedelta(days=7)


@dataclass
class Held:
    """A delivery that waits, as the world sees it."""

    event_id: str
    since: datetime


@dataclass
class FakeWorld:
    """Tenant, receiver and deliveries of one endpoint.

    `answer` gives the receiver's status for the n-th attempt that a probe or a drain makes.
    """

    environment: WorkflowEnvironment | None = None
    answer: Callable[[int], int] = lambda _: 200
    rule: DeactivationRule = field(default_factory=DeactivationRule)
    held: list[Held] = field(default_factory=list)
    routes: list[Route | None] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    probes: list[datetime] = field(default_factory=list)
    releases: list[tuple[datetime, str]] = field(default_factory=list)
    paces: list[float] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    counts: list[datetime] = field(default_factory=list)
    expired: dict[str, datetime] = field(default_factory=dict)
    attempts: int = 0
    started: WorkflowHandle[Any, Any] | None = None

    @activity.defn(name=ActivityName.REGISTER_ROUTE)
    async def register_route(self, asked: TenantRouteChange) -> None:
        self.routes.append(asked.change.route)

    @activity.defn(name=ActivityName.UNREGISTER_ROUTE)
    async def unregister_route(self, _asked: TenantRouteChange) -> None:
        self.routes.append(None)

    @activity.defn(name=ActivityName.CANCEL_DELIVERIES)
    async def cancel_deliveries(self, _scope: DeliveryScope) -> int:
        found, self.held = len(self.held), []
        return found

    @activity.defn(name=ActivityName.PUBLISH_NOTICES)
    async def publish(self, given: NoticesInput) -> int:
        self.notices += given.notices
        return len(given.notices)

    @activity.defn(name=ActivityName.RELEASE_PROBE)
    async def probe(self, given: ProbeInput) -> bool:
        self.probes.append(await self.now())
        if not self.held:
            return False
        place = given.earlier % len(self.held)
        await self.attempt(self.held.pop(place), probe=True, place=place)
        return True

    @activity.defn(name=ActivityName.RELEASE_HELD)
    async def release(self, given: ReleaseInput) -> int:
        pace = given.per_second
        self.paces.append(pace)
        wanted = max(1, round(pace * min(5.0, max(1.0, pace / 2))))
        going, self.held = self.held[:wanted], self.held[wanted:]
        for each in going:
            self.releases.append((await self.now(), each.event_id))
            await self.attempt(each)
        return len(going)

    @activity.defn(name=ActivityName.EXPIRE_HELD)
    async def expire(self, _endpoint: EndpointRef) -> float:
        now = await self.now()
        for each in [each for each in self.held if now - each.since > HOLD]:
            self.held.remove(each)
            self.expired[each.event_id] = now
            await self.report(event_id=each.event_id, was_held=True, ended=DeliveryState.EXPIRED)
        return 3_600

    @activity.defn(name=ActivityName.CANCEL_HELD)
    async def cancel(self, _endpoint: EndpointRef) -> int:
        ending, self.held = self.held, []
        for each in ending:
            self.ended.append(each.event_id)
            await self.report(event_id=each.event_id, was_held=True, ended=DeliveryState.CANCELLED)
        return len(ending)

    @activity.defn(name=ActivityName.COUNT_HELD)
    async def count(self, _endpoint: EndpointRef) -> int:
        self.counts.append(await self.now())
        return len(self.held)

    # What a test does.

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        assert self.started is not None
        return self.started

    @property
    def clock(self) -> WorkflowEnvironment:
        """The server's clock, which a test may move."""
        assert self.environment is not None
        return self.environment

    async def now(self) -> datetime:
        if self.environment is None:  # on a server that keeps the time of the day
            return datetime.now(UTC)
        return await self.environment.get_current_time()

    async def sleep(self, **span: float) -> None:
        await self.clock.sleep(timedelta(**span))

    async def report(self, **fields: Any) -> Report:
        """Signal one report."""
        it = report(await self.now(), **fields)
        await self.handle.signal(Signal.REPORT, Reports(rule=self.rule, reports=[it]))
        return it

    async def attempt(
        self, held: Held | None = None, *, probe: bool = False, place: int = 0
    ) -> None:
        """Attempt a delivery: one that was held (in this place of the queue), or a new one."""
        self.attempts += 1
        status = self.answer(self.attempts)
        well = 200 <= status < 300
        again = probe and not well and not shows_working_receiver(status)
        if again and held is not None:
            self.held.insert(place, held)
        await self.report(
            **({"event_id": held.event_id} if held else {}),
            outcome=Outcome.DELIVERED if well else Outcome.HTTP_ERROR,
            status_code=status,
            probe=probe,
            was_held=held is not None,
            is_held=again,
            ended=DeliveryState.DELIVERED if well else None,
        )

    async def hold(self, number: int = 1) -> list[str]:
        """Let new deliveries be turned away, and held."""
        held = []
        for _ in range(number):
            reported = await self.report(is_held=True)
            self.held.append(Held(reported.event_id, await self.now()))
            held.append(reported.event_id)
        return held

    async def state(self) -> EndpointState:
        """Return what the endpoint shows of itself."""
        description = await self.handle.describe()
        return await description.memo_value(MemoKey.ENDPOINT, type_hint=EndpointState)

    async def until(self, holds: Callable[[EndpointState], bool]) -> EndpointState:
        """Return the state once this holds of it."""
        return await eventually(self.state, holds)

    async def change(self, **fields: Any) -> EndpointState:
        return await self.handle.execute_update(
            Endpoint.change, EndpointChangeUpdate(fields=fields)
        )

    async def result(self, handle: WorkflowHandle[Any, Any]) -> object:
        """Wait for a result, and skip no time: with no timer left it would skip ten years."""
        with self.clock.auto_time_skipping_disabled():
            return await handle.result()

    async def pause(self) -> EndpointState:
        return await self.handle.execute_update(Endpoint.pause, EndpointSwitchUpdate())

    async def resume(self) -> EndpointState:
        return await self.handle.execute_update(Endpoint.resume, EndpointSwitchUpdate())

    async def rotate(self) -> EndpointState:
        request = SecretRotateUpdate(secret=generate_secret(), grace_period_seconds=60)
        return await self.handle.execute_update(Endpoint.rotate, request)


def endpoint_worker(client: Client, world: FakeWorld, task_queue: str) -> Worker:
    """Return a worker for endpoints in this world; it works while its context lasts."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[Endpoint],
        activities=[
            world.register_route,
            world.unregister_route,
            world.cancel_deliveries,
            world.publish,
            world.probe,
            world.release,
            world.expire,
            world.cancel,
            world.count,
        ],
    )


@asynccontextmanager
async def running_endpoint(world: FakeWorld, **config: Any) -> AsyncIterator[FakeWorld]:
    """Create an endpoint in this world; it runs as long as the context lasts.

    Then it is deleted, not terminated: what is under way would keep the server from skipping time.
    """
    client = world.clock.client
    task_queue, endpoint_id = unique("queue"), unique("ep")
    async with endpoint_worker(client, world, task_queue):
        world.started = await create_endpoint(client, task_queue, endpoint_id, **config)
        async with ending(world):
            yield world


@asynccontextmanager
async def ending(world: FakeWorld) -> AsyncIterator[None]:
    """Delete the endpoint in the end, and see it out; after a failure, terminate it."""
    try:
        yield
        with suppress(RPCError):  # it was gone before its answer was asked for
            await world.handle.execute_update(Endpoint.delete)
        await world.sleep(minutes=1)
        await world.result(world.handle)
    except BaseException:
        with suppress(RPCError):
            await world.handle.terminate()
        raise


async def create_endpoint(
    client: Client, task_queue: str, endpoint_id: str, tenant_id: str = "t1", **config: Any
) -> WorkflowHandle[Any, Any]:
    """Start an endpoint and return its handle, bound to no run of it."""
    workflow_id = endpoint_workflow_id(tenant_id, endpoint_id)
    await client.start_workflow(
        Endpoint.run,
        EndpointState(tenant_id=tenant_id, endpoint_id=endpoint_id),
        id=workflow_id,
        task_queue=task_queue,
    )
    handle: WorkflowHandle[Endpoint, None] = client.get_workflow_handle_for(
        Endpoint.run, workflow_id
    )
    request = EndpointCreateUpdate(
        config=EndpointConfig(**{"url": "https://hooks.example.com/in", **config}),
        secret=generate_secret(),
        headers={},
        digest="created",
    )
    await handle.execute_update(Endpoint.create, request)
    return handle
