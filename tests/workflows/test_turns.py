"""No duty of an endpoint keeps another waiting, and whatever it must do, it answers updates."""

import asyncio
from dataclasses import dataclass, field

from support.endpoints import HOLD, FakeWorld, create_endpoint, endpoint_worker, running_endpoint
from support.health import report
from support.stack import unique
from support.waiting import assert_eventually, eventually
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from hookwright.contracts import DeactivationRule
from hookwright.health import MAX_REPORTS, Reports
from hookwright.health.notices import MAX_WAITING_NOTICES
from hookwright.models import EndpointRef, NoticesInput, ProbeInput, ReleaseInput
from hookwright.outcomes import DeliveryState, EndpointStatus, Outcome
from hookwright.routing import TenantRouteChange
from hookwright.temporal import ActivityName
from workflows.endpoint import MAX_SIGNALS, Endpoint

ACTIVE, PAUSED, DISABLED = EndpointStatus
ONE_LOST = DeactivationRule(exhausted_in_a_row=1)
NOTICES = 20_000


@dataclass
class BrokenWorld(FakeWorld):
    """A world that fails at what stands in `broken`, however often it is asked.

    But for the tenant it says that trying again is in vain, so that a turn is one try.
    """

    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.broken:
            raise ApplicationError(f"{what} fails", non_retryable=what != "register")

    @activity.defn(name=ActivityName.REGISTER_ROUTE)
    async def register_route(self, asked: TenantRouteChange) -> None:
        await self.ask("register")
        await super().register_route(asked)

    @activity.defn(name=ActivityName.PUBLISH_NOTICES)
    async def publish(self, given: NoticesInput) -> int:
        await self.ask("publish")
        return await super().publish(given)

    @activity.defn(name=ActivityName.RELEASE_HELD)
    async def release(self, given: ReleaseInput) -> int:
        await self.ask("release")
        return await super().release(given)

    @activity.defn(name=ActivityName.EXPIRE_HELD)
    async def expire(self, endpoint: EndpointRef) -> float:
        await self.ask("expire")
        return await super().expire(endpoint)

    @activity.defn(name=ActivityName.RELEASE_PROBE)
    async def probe(self, given: ProbeInput) -> bool:
        await self.ask("probe")
        return await super().probe(given)


async def reported(world: FakeWorld, number: int, **fields: object) -> None:
    """Report so many deliveries, in as few signals as a worker would."""
    now = await world.now()
    for _ in range(number // MAX_REPORTS):
        reports = [report(now, **fields) for _ in range(MAX_REPORTS)]
        await world.handle.signal("report", Reports(rule=world.rule, reports=reports))


async def test_an_expiry_sweep_of_twenty_thousand(client: Client) -> None:
    """With 20,000 notices waiting it continues as new, is paused, publishes and is deleted."""
    world, task_queue = BrokenWorld(None, broken={"publish"}), unique("queue")
    async with endpoint_worker(client, world, task_queue):
        world.started = await create_endpoint(client, task_queue, unique("ep"))
        await world.pause()
        await reported(world, NOTICES, is_held=True)
        await world.until(lambda it: it.health.queue.held == NOTICES)
        await reported(world, NOTICES, was_held=True, ended=DeliveryState.EXPIRED)
        await world.until(lambda it: it.health.queue.held == 0)
        before = (await world.handle.describe()).run_id
        gate = asyncio.Semaphore(50)

        async def signal() -> None:
            async with gate:
                await world.handle.signal("nobody's")

        await asyncio.gather(*(signal() for _ in range(MAX_SIGNALS)))
        await eventually(world.handle.describe, lambda it: it.run_id != before, within=60)
        assert (await world.resume()).status is ACTIVE
        assert (await world.pause()).status is PAUSED
        world.broken.clear()
        await assert_eventually(
            lambda: sum(1 + it.more for it in world.notices) == NOTICES, within=60
        )
        assert len(world.notices) <= MAX_WAITING_NOTICES + 1
        numbers = [notice.number for notice in world.notices]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        await world.handle.execute_update(Endpoint.delete)
        await world.handle.result()


async def test_one_that_fails_is_put_off(time_skipping: WorkflowEnvironment) -> None:
    """While releases and notices fail for hours, what is held expires, and all is caught up."""
    world = BrokenWorld(time_skipping, broken={"release", "publish"})
    async with running_endpoint(world) as world:
        await world.report(
            outcome=Outcome.HTTP_ERROR, status_code=500, ended=DeliveryState.EXHAUSTED
        )
        [expiring] = await world.hold()
        world.held[0].since -= HOLD
        await world.sleep(hours=4)
        await assert_eventually(lambda: expiring in world.expired)
        # The pause between two tries grows to five minutes: far from a hot loop.
        assert 40 <= world.asked.count("publish") <= 80
        world.broken.clear()
        await world.hold()
        await world.sleep(minutes=50)
        await world.until(lambda it: it.health.queue.held == 0)
        assert {notice.type for notice in world.notices} == {
            "delivery.exhausted",
            "delivery.expired",
        }


async def test_a_tenant_that_does_not_answer(time_skipping: WorkflowEnvironment) -> None:
    """A new status that cannot be announced keeps neither probes nor notices; it is, later."""
    async with running_endpoint(BrokenWorld(time_skipping, rule=ONE_LOST)) as world:
        world.broken.add("register")
        await world.report(
            outcome=Outcome.HTTP_ERROR, status_code=500, ended=DeliveryState.EXHAUSTED
        )
        await world.hold()
        await world.sleep(minutes=3)
        await world.until(lambda it: it.status is ACTIVE)
        assert len(world.probes) == 1
        assert {notice.type for notice in world.notices} >= {
            "delivery.exhausted",
            "endpoint.disabled",
        }
        await world.report(outcome=Outcome.BLOCKED_DESTINATION)
        await world.sleep(minutes=10)
        await world.until(lambda it: it.status is DISABLED)
        assert len(world.routes) == 1
        world.broken.clear()
        await world.sleep(minutes=10)
        await world.until(
            lambda it: it.health.announced is DISABLED and world.routes[-1].version == it.version
        )


async def test_what_was_lost_is_found_again(time_skipping: WorkflowEnvironment) -> None:
    """One held delivery too few is counted: it is found when the count comes to zero, and goes."""
    async with running_endpoint(FakeWorld(time_skipping)) as world:
        await world.pause()
        await world.hold(2)
        await world.report(was_held=True)  # one was subtracted twice, and counts for none
        await world.resume()
        await world.sleep(minutes=5)
        await world.until(lambda it: not it.health.queue.held and not it.health.queue.queueing)
        assert len(world.releases) == 2


async def test_what_was_erased_is_forgotten(time_skipping: WorkflowEnvironment) -> None:
    """Held deliveries that were deleted in Temporal are looked for for an hour, not for a month."""
    async with running_endpoint(FakeWorld(time_skipping)) as world:
        await world.pause()
        await world.hold(3)
        world.held.clear()
        await world.sleep(hours=1, minutes=1)
        state = await world.until(lambda it: it.health.queue.held == 0)
        assert state.status is PAUSED
        await world.sleep(hours=1, minutes=1)
        counts = len(world.counts)
        assert counts <= 4
        await world.sleep(days=3)
        assert len(world.counts) == counts


async def test_one_that_is_refused_does_not_decide(time_skipping: WorkflowEnvironment) -> None:
    """A receiver that fails for one event of four, and is well for the others, recovers."""
    async with running_endpoint(BrokenWorld(time_skipping, rule=ONE_LOST)) as world:
        await world.report(
            outcome=Outcome.HTTP_ERROR, status_code=500, ended=DeliveryState.EXHAUSTED
        )
        poison, *_ = await world.hold(4)
        world.answer = lambda _: 500 if probed_first(world, poison) else 200
        await world.sleep(hours=1)
        await world.until(lambda it: it.status is ACTIVE)
        assert len(world.probes) == 2


def probed_first(world: FakeWorld, event_id: str) -> bool:
    """Return whether this delivery is the one that is being attempted: it is not in the queue."""
    return event_id not in [each.event_id for each in world.held]
