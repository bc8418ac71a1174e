"""An event with `deliver_at`, on a server that skips time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from support.stack import unique
from support.waiting import assert_eventually
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from hookwright.ids import event_workflow_id
from hookwright.models import EventInput, FanOut, FanOutInput
from hookwright.temporal import ActivityName
from workflows.event import Event

YEAR = timedelta(days=365)
NO_TIME = timedelta()


@dataclass
class Scheduled:
    """Starts events, and keeps when each was fanned out by the server's clock."""

    client: Client
    now: Callable[[], Awaitable[datetime]]
    task_queue: str = field(default_factory=lambda: unique("queue"))
    times: list[datetime] = field(default_factory=list)
    happened: list[datetime] = field(default_factory=list)
    accepted: list[datetime] = field(default_factory=list)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    @activity.defn(name=ActivityName.FAN_OUT)
    async def fan_out(self, given: FanOutInput) -> FanOut:
        self.times.append(await self.now())
        self.happened.append(given.event.created_at)
        self.accepted.append(given.accepted_at)
        self.entered.set()
        await self.go_on.wait()
        return FanOut(complete=True)

    def worker(self) -> Worker:
        return Worker(
            self.client,
            task_queue=self.task_queue,
            workflows=[Event],
            activities=[self.fan_out],
        )

    async def start(
        self, ahead: timedelta, start_delay: timedelta | None = None
    ) -> tuple[WorkflowHandle, datetime]:
        """Start an event that is due after `ahead`; return when that is."""
        now = await self.now()
        event_id, due = unique("evt"), now + ahead
        handle = await self.client.start_workflow(
            Event.run,
            EventInput(tenant_id="t1", id=event_id, type="a", data=1, deliver_at=due),
            id=event_workflow_id("t1", event_id),
            task_queue=self.task_queue,
            start_delay=start_delay,
        )
        return handle, due


@pytest_asyncio.fixture
async def scheduled(time_skipping: WorkflowEnvironment) -> AsyncIterator[Scheduled]:
    """Scheduled events, whose worker runs for as long as the test."""
    it = Scheduled(time_skipping.client, time_skipping.get_current_time)
    it.go_on.set()
    async with it.worker():
        yield it


@pytest.mark.parametrize("delayed_by", [YEAR, NO_TIME, YEAR - timedelta(hours=1)])
async def test_a_year_ahead(scheduled: Scheduled, delayed_by: timedelta) -> None:
    """Never before it is due, whatever start delay the publisher's clock (or none) made of it."""
    began = await scheduled.now()
    handle, due = await scheduled.start(YEAR, delayed_by or None)
    await handle.result()
    [fanned_out] = scheduled.times
    assert timedelta() <= fanned_out - due < timedelta(minutes=1)
    [happened] = scheduled.happened
    assert happened - began < timedelta(minutes=1)
    assert scheduled.accepted == [due]


async def test_slow_clock_makes_it_late_not_lost(scheduled: Scheduled) -> None:
    """A publisher whose clock is an hour behind delays by an hour more than it should."""
    hour = timedelta(hours=1)
    handle, due = await scheduled.start(YEAR - hour, YEAR)
    await handle.result()
    assert hour <= scheduled.times[0] - due < hour + timedelta(minutes=1)


async def test_past_time_is_now(scheduled: Scheduled) -> None:
    """An event that was due yesterday is fanned out at once."""
    handle, due = await scheduled.start(-timedelta(days=1))
    await handle.result()
    assert timedelta(days=1) <= scheduled.times[0] - due < timedelta(days=1, minutes=1)


async def test_further_ahead_is_no_event(scheduled: Scheduled) -> None:
    """A direct start beyond the year fails and says why, instead of sleeping on."""
    handle, _ = await scheduled.start(YEAR + timedelta(days=1))
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, ApplicationError)
    assert "365 days" in failure.value.cause.message


@pytest.mark.parametrize("delayed_by", [YEAR, NO_TIME])
async def test_cancelled_before_due(scheduled: Scheduled, delayed_by: timedelta) -> None:
    """A cancelled event is never fanned out; that it ends at once, tests on a real server say."""
    handle, _ = await scheduled.start(YEAR, delayed_by or None)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, CancelledError)
    assert scheduled.times == []


async def real_now() -> datetime:
    return datetime.now(UTC)


async def test_cancelled_while_no_worker_ran(client: Client) -> None:
    """A cancellation that came in time holds, though the first worker comes after the due time."""
    it = Scheduled(client, real_now)
    second = timedelta(seconds=1)
    handle, due = await it.start(second, second)
    await handle.cancel()
    await assert_eventually(lambda: datetime.now(UTC) > due)
    async with it.worker():
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
    assert isinstance(failure.value.cause, CancelledError)
    assert it.times == []


async def test_cancelled_while_fanning_out_changes_nothing(client: Client) -> None:
    """A cancellation that comes too late leaves no event half fanned out."""
    it = Scheduled(client, real_now)
    async with it.worker():
        handle, _ = await it.start(NO_TIME)
        await it.entered.wait()
        await handle.cancel()
        it.go_on.set()
        assert (await handle.result()).complete
