"""Real deliveries and their real endpoint, on a server that skips time and has no visibility."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from support.endpoints import FakeWorld, create_endpoint, ending
from support.fakes import DELIVERED, OWN_QUEUE, FakeEgress, failed
from support.stack import CONTRACTS, unique
from support.waiting import assert_eventually
from temporalio import activity
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.delivery import (
    AttemptRunner,
    DeliveryActivities,
    DeliveryReports,
    HandOvers,
    QueuePlaces,
    ReportQueue,
    WebhookSender,
)
from activities.delivery import report_queue as reporting
from activities.egress import Answer
from activities.endpoint_snapshots import EndpointSnapshots
from activities.held_rows import HeldRows
from activities.releases import ReleaseActivities, _is_held
from hookwright.expressions import Evaluator
from hookwright.ids import delivery_workflow_id, slow_lane
from hookwright.models import DeliveryInput, EndpointRef, EventInput
from hookwright.outcomes import EndpointStatus
from hookwright.temporal import ActivityName, Place, Row
from workflows.delivery import Delivery
from workflows.endpoint import Endpoint

ACTIVE, PAUSED, DISABLED = EndpointStatus


@dataclass(frozen=True)
class ListedRows:
    """In place of the search for held deliveries: all deliveries of the test are asked."""

    deliveries: list[WorkflowHandle]

    async def oldest(self, _endpoint: EndpointRef) -> AsyncIterator[Row]:
        for handle in self.deliveries:
            held = await handle.describe()
            if _is_held(held):
                yield Row(held.id, "Delivery", Place(0, held.run_id), held.status)

    async def count(self, endpoint: EndpointRef) -> int:
        return len([row async for row in self.oldest(endpoint)])


@dataclass(frozen=True)
class ListedReleases(ReleaseActivities):
    """The real activities, but none expires: the worker has a real clock."""

    @activity.defn(name=ActivityName.EXPIRE_HELD)
    async def expire(self, _endpoint: EndpointRef) -> float:
        return 3_600


@dataclass
class Scene(FakeWorld):
    """One endpoint, real deliveries, and a receiver that answers as the test sets it."""

    egress: FakeEgress | None = None
    deliveries: list[WorkflowHandle] = field(default_factory=list)
    endpoints: EndpointSnapshots | None = None
    task_queue: str = ""
    endpoint_id: str = ""

    async def deliver(self) -> WorkflowHandle:
        """Start a delivery, accepted after all before it."""
        event = EventInput(tenant_id="t1", id=unique("evt"), type="loan.funded", data={"n": 1})
        handle = await self.environment.client.start_workflow(
            Delivery.run,
            DeliveryInput(
                event=event,
                happened_at=datetime.now(UTC),
                accepted_at=datetime.now(UTC) + timedelta(seconds=len(self.deliveries)),
                endpoint_id=self.endpoint_id,
                endpoint_version=1,
            ),
            id=delivery_workflow_id("t1", self.endpoint_id, event.id),
            task_queue=self.task_queue,
        )
        self.deliveries.append(handle)
        return handle


@asynccontextmanager
async def scene(
    environment: WorkflowEnvironment, answer: Callable[[int], Answer], **config: object
) -> AsyncIterator[Scene]:
    """Run the real workflows and activities; only routes, notices and the search are faked."""
    client, egress = environment.client, FakeEgress(answer, environment.get_current_time)
    it = Scene(environment, egress=egress, task_queue=unique("queue"), endpoint_id=unique("ep"))
    it.endpoints = EndpointSnapshots(client)
    sender = WebhookSender(egress, CONTRACTS, Evaluator())
    async with ReportQueue(client) as queue:
        runner = AttemptRunner(sender, DeliveryReports(queue, it.endpoints, sender))
        queues = QueuePlaces(client, it.task_queue)
        attempts = DeliveryActivities(client, it.endpoints, runner, queues, HandOvers(OWN_QUEUE))
        rows = cast("HeldRows", ListedRows(it.deliveries))
        releases = ListedReleases(client, it.endpoints, rows)
        worker = Worker(
            client,
            task_queue=it.task_queue,
            workflows=[Endpoint, Delivery],
            activities=[
                *(attempts.first_attempt, attempts.retry, attempts.report_ended),
                *(attempts.recorded_log, attempts.cancel_workflow),
                *(releases.probe, releases.release, releases.expire, releases.cancel),
                releases.count,
                *(it.register_route, it.unregister_route, it.cancel_deliveries, it.publish),
            ],
        )
        slow = slow_lane(it.task_queue)
        async with worker, Worker(client, task_queue=slow, activities=[attempts.retry]):
            it.started = await create_endpoint(client, it.task_queue, it.endpoint_id, **config)
            async with ending(it):
                yield it


@pytest.fixture(autouse=True)
def _quick_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "SIGNAL_INTERVAL_SECONDS", 0.01)


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_each_contract_s_rule(time_skipping: WorkflowEnvironment, contract: str) -> None:
    """cr3dentials disables when its table runs out, and only then; no other does for one event."""
    async with scene(time_skipping, lambda _: failed(500), contract=contract) as it:
        delivery = await it.deliver()
        await it.sleep(hours=90)
        with pytest.raises(WorkflowFailureError) as failure:
            await it.result(delivery)
        assert failure.value.cause.type == "exhausted"
        attempts = len(CONTRACTS[contract].retry.delays_seconds) + 1
        state = await it.until(lambda state: state.health.streak.failures == attempts)
        await assert_eventually(lambda: "delivery.exhausted" in [each.type for each in it.notices])
        assert (state.status is DISABLED) == (contract == "cr3dentials")
        assert state.health.disabled_reason == ("exhausted" if contract == "cr3dentials" else None)


async def test_an_outage_costs_time_only(time_skipping: WorkflowEnvironment) -> None:
    """Disabled, held, probed, recovered, drained: each delivery arrives once, in order."""
    up = asyncio.Event()
    answer = lambda _: DELIVERED if up.is_set() else failed(500)  # noqa: E731
    async with scene(time_skipping, answer, contract="cr3dentials") as it:
        await it.deliver()
        await it.sleep(seconds=35)
        await it.until(lambda state: state.health.announced is DISABLED)
        waiting = [await it.deliver() for _ in range(4)]
        await it.until(lambda state: state.health.queue.held == 4)
        await it.sleep(minutes=2)
        await it.until(lambda state: state.health.probes == 1)
        assert len(it.egress.times) == 7
        up.set()
        await it.sleep(minutes=5)
        state = await it.until(
            lambda state: not state.health.queue.held and not state.health.queue.queueing
        )
        assert state.status is ACTIVE
        logs = [await it.result(handle) for handle in waiting]
        assert [[each.trigger for each in log.attempts] for log in logs] == [
            ["probe", "schedule"],
            ["probe"],
            *[["schedule"]] * 2,
        ]
        ends = [log.attempts[-1].started_at for log in (logs[1], logs[0], *logs[2:])]
        assert ends == sorted(ends)


async def test_one_that_parks_just_as_the_endpoint_comes_back(
    time_skipping: WorkflowEnvironment,
) -> None:
    """A worker that still saw it paused parks a delivery of an active endpoint: it is found."""
    async with scene(time_skipping, lambda _: DELIVERED) as it:
        paused = await it.pause()
        await it.resume()
        await it.until(lambda state: not state.health.queue.queueing)
        stale = iter([paused])
        afresh = it.endpoints.current

        async def at_least(*_: object) -> object:
            return next(stale, None) or await afresh("t1", it.endpoint_id)

        object.__setattr__(it.endpoints, "at_least", at_least)
        delivery = await it.deliver()
        state = await it.until(lambda state: state.health.last_delivery_at is not None)
        assert next(stale, None) is None
        assert state.health.queue.held == 0
        assert len((await it.result(delivery)).attempts) == 1
