"""Attempts to endpoints that are slow, failing or unknown take nothing from those of the others."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from support.fakes import DELIVERED, FakeReportQueue, attempts, endpoint, failed, let_find_pending
from support.stack import unique
from support.waiting import assert_eventually
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.delivery import DeliveryActivities
from activities.delivery import runner as runner_module
from activities.delivery.ledger import run_id
from activities.delivery.paces import FAILING_AFTER, EndpointPace
from activities.delivery.request import SentAttempt
from activities.egress import Answer
from activities.shares import (
    NEWCOMERS,
    NEWCOMERS_RETRIES,
    SLOW_RETRIES,
    FairPace,
    NoRoomError,
)
from hookwright.health import Health
from hookwright.models import (
    AttemptInput,
    DeliveryInput,
    DeliveryLog,
    EndedInput,
    EndpointState,
    EventInput,
)
from hookwright.outcomes import DeliveryState, EndpointStatus, Trigger

HANGS, BUSY = "hangs", "busy"


@dataclass
class World:
    """Endpoints whose receivers answer by their names, and the activities of one worker."""

    answers: dict[str, int] = field(default_factory=dict)
    posts: Counter[str] = field(default_factory=Counter)
    heartbeats: int = 0
    in_queue: timedelta = timedelta()
    health: Health = field(default_factory=Health)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    activities: DeliveryActivities = field(init=False)

    def __post_init__(self) -> None:
        me: Any = self
        self.activities = attempts(cast("Client", me), me, me)

    def expect_change(self, *_: object) -> None:
        pass

    def recent(self, tenant: str, name: str, *_: object) -> EndpointState:
        state = endpoint(url=f"https://hooks.example.com/{name}")
        named = {"tenant_id": tenant, "endpoint_id": name, "health": self.health}
        return state.model_copy(update=named)

    async def current(self, *ids: str) -> EndpointState:
        return self.recent(*ids)

    at_least = current

    async def post(self, url: str, *_: object) -> Answer:
        name = url.rpartition("/")[2]
        self.posts[name] += 1
        if name.startswith(HANGS):
            await asyncio.Event().wait()
        if name == BUSY:
            raise NoRoomError(5.0, 1)
        status = self.answers.get(name, 200)
        return DELIVERED if status == 200 else failed(status)

    def note_heartbeat(self, *_: object) -> None:
        self.heartbeats += 1

    async def run(
        self,
        method: Any,
        name: str,
        log: DeliveryLog | None = None,
        recorded: DeliveryLog | None = None,
        how: str = "",
    ) -> DeliveryLog:
        environment = ActivityEnvironment()
        if how == "of_a_worker_that_stops":
            environment.worker_shutdown()
        environment.info = replace(
            environment.info,
            is_local=method == self.activities.first_attempt,
            scheduled_time=environment.info.started_time - self.in_queue,
            workflow_run_id=unique("run"),
            attempt=2 if recorded or how == "again" else 1,
            heartbeat_details=[recorded.model_dump(mode="json")] if recorded else [],
        )
        environment.on_heartbeat = self.note_heartbeat
        it = AttemptInput(delivery=delivery_to(name), log=log or DeliveryLog())
        after: DeliveryLog = await environment.run(method, it)
        return after

    async def first(self, name: str) -> DeliveryLog:
        return await self.run(self.activities.first_attempt, name)

    async def retry(self, name: str, log: DeliveryLog | None = None) -> DeliveryLog:
        return await self.run(self.activities.retry, name, log)

    async def begin(self, method: Any, *names: str, log: DeliveryLog | None = None) -> None:
        self.tasks += [asyncio.create_task(self.run(method, name, log)) for name in names]
        for _ in range(50):
            await asyncio.sleep(0)

    async def let_fail(self, name: str) -> None:
        self.answers[name] = 500
        for _ in range(FAILING_AFTER):
            await self.first(name)

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.activities.runner.ledger.__aexit__()


@dataclass
class Turns:
    """The turns in which slow failures are reported: none, until a test gives some."""

    given: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    asked: list[str] = field(default_factory=list)

    async def turn(self, tenant_id: str) -> None:
        self.asked.append(tenant_id)
        await self.given.acquire()


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Take the place of the pace at which they are reported."""
    it = Turns()
    monkeypatch.setattr(FairPace, "turn", lambda _, tenant_id: it.turn(tenant_id))
    monkeypatch.setattr(runner_module, "LONGEST_WAITS", (60.0, 60.0))
    return it


def delivery_to(name: str) -> DeliveryInput:
    event = EventInput(tenant_id="t1", id=unique("evt"), type="loan.funded", data={"n": 1})
    return DeliveryInput(
        event=event, happened_at=datetime.now(UTC), endpoint_id=name, endpoint_version=1
    )


def noting_loans(seen: list[str]) -> Callable[[], AbstractContextManager[None]]:
    """Return what lends a slot, and notes it among what else is seen."""

    @contextmanager
    def lend() -> Iterator[None]:
        seen.append("lent")
        yield
        seen.append("back")

    return lend


def names(count: int) -> list[str]:
    return [f"{HANGS}_{number}" for number in range(count)]


@pytest.mark.parametrize(("name", "heartbeats"), [("takes", 1), ("fails", 2), (BUSY, 1)])
async def test_an_attempt_that_ends_soon_sends_few_heartbeats(name: str, heartbeats: int) -> None:
    """One records the attempt, one the report of a failure; a first wait for room shows itself."""
    world = World(answers={"fails": 500})
    with suppress(ApplicationError):
        await world.retry(name)
    assert (world.posts[name], world.heartbeats) == (1, heartbeats)
    await world.end()


async def test_a_wait_that_changes_nothing_sends_no_heartbeat() -> None:
    """An attempt that finds no room again has nothing to tell that is not recorded."""
    world = World()
    with pytest.raises(ApplicationError, match="waiting for a turn"):
        await world.run(world.activities.retry, BUSY, recorded=DeliveryLog())
    assert (world.posts[BUSY], world.heartbeats) == (1, 0)
    await world.end()


async def test_a_first_attempt_without_room_is_left_to_retry() -> None:
    """Nothing was sent, so its workflow task ends without a fault, and `retry` waits for room."""
    world = World()
    assert (await world.first(BUSY)).untried
    await world.end()


async def test_a_cancelled_delivery_without_room_has_sent_nothing() -> None:
    """A first POST that finds no room while somebody waits for its reply is no fault of ours."""
    world = World()
    runner = world.activities.runner

    async def find_no_room() -> SentAttempt:
        await asyncio.sleep(0)
        raise NoRoomError(5.0, 1)

    async def wait_for_it() -> DeliveryLog:
        log = DeliveryLog()
        posting = asyncio.create_task(runner.ledger.once((run_id(), log.next_number), find_no_room))
        await asyncio.sleep(0)
        assert runner.has_begun(log)
        found = await runner.run_begun(delivery_to("ep"), None, log)
        with pytest.raises(NoRoomError):
            await posting
        return found

    assert await ActivityEnvironment().run(wait_for_it) == DeliveryLog()
    await world.end()


async def test_a_cancellation_lends_its_slot_while_it_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tenant that cancels what hangs does not make tasks look slow, which slows the lane down."""
    world, seen, replied = World(), list[str](), asyncio.Event()
    let_find_pending(monkeypatch)

    async def find_no_room() -> SentAttempt:
        await replied.wait()
        raise NoRoomError(5.0, 1)

    async def cancel() -> DeliveryLog:
        key = run_id(), DeliveryLog().next_number
        posting = asyncio.create_task(world.activities.runner.ledger.once(key, find_no_room))
        await asyncio.sleep(0)
        activities = replace(world.activities, lend_slot=noting_loans(seen))
        it = AttemptInput(delivery=delivery_to("ep"), log=DeliveryLog())
        telling = asyncio.create_task(activities.recorded_log(it))
        await assert_eventually(lambda: seen == ["lent"])
        replied.set()
        with pytest.raises(NoRoomError):
            await posting
        return await telling

    assert await ActivityEnvironment().run(cancel) == DeliveryLog()
    assert seen == ["lent", "back"]
    await world.end()


async def test_the_report_of_an_end_lends_its_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for other reports to the same endpoint, so many ends do not make tasks look slow."""
    world, seen = World(), list[str]()

    async def add(*_: object) -> None:
        seen.append("reported")

    monkeypatch.setattr(FakeReportQueue, "add", add)
    ended = EndedInput(delivery=delivery_to("ep"), log=DeliveryLog(), state=DeliveryState.EXPIRED)
    activities = replace(world.activities, lend_slot=noting_loans(seen))
    await ActivityEnvironment().run(activities.report_ended, ended)
    assert seen == ["lent", "reported", "back"]
    await world.end()


async def test_first_attempts_of_failing_endpoints_are_left_to_the_slow_lane() -> None:
    """After failures in a row no attempt is made within a workflow task, until one succeeds."""
    world = World()
    await world.let_fail("ep")
    left = await world.first("ep")
    assert left.state is DeliveryState.PENDING
    assert left.slow
    assert not left.attempts
    assert world.posts["ep"] == FAILING_AFTER
    world.answers["ep"] = 200
    assert (await world.retry("ep", left)).state is DeliveryState.DELIVERED
    assert (await world.first("ep")).state is DeliveryState.DELIVERED


async def test_what_is_held_is_held_at_once() -> None:
    """A delivery to an endpoint that takes none is held by its first attempt, failing or not."""
    world = World()
    await world.let_fail("ep")
    world.health.status = EndpointStatus.DISABLED
    assert (await world.first("ep")).state is DeliveryState.HELD
    assert world.posts["ep"] == FAILING_AFTER


async def test_a_resend_to_a_failing_endpoint_is_left_to_the_slow_lane() -> None:
    """What a person asks for is sent whatever the endpoint's status, and needs a share as well."""
    world, asked = World(), DeliveryLog(trigger=Trigger.MANUAL)
    await world.let_fail("ep")
    world.health.status = EndpointStatus.PAUSED
    left = await world.run(world.activities.first_attempt, "ep", asked)
    assert left.slow
    assert not left.attempts
    assert world.posts["ep"] == FAILING_AFTER
    with pytest.raises(ApplicationError):
        await world.retry("ep", left)
    assert world.posts["ep"] == FAILING_AFTER + 1


async def test_a_resend_to_an_unknown_endpoint_needs_a_share_of_those_that_hang() -> None:
    """While unknown endpoints of a tenant hang, a resend to one that is paused is left to retry."""
    world, asked = World(), DeliveryLog(trigger=Trigger.MANUAL)
    await world.begin(world.activities.first_attempt, *names(NEWCOMERS.tenant))
    world.health.status = EndpointStatus.PAUSED
    await world.first("paused")  # it is known by its snapshot, and not by an attempt
    left = await world.run(world.activities.first_attempt, "paused", asked)
    assert left.untried
    assert world.posts["paused"] == 0
    await world.end()


async def test_what_an_unknown_endpoint_holds_needs_no_share_of_those_that_hang() -> None:
    """While unknown endpoints of a tenant hang, an unknown one that is paused holds deliveries."""
    world = World()
    await world.begin(world.activities.first_attempt, *names(NEWCOMERS.tenant))
    world.health.status = EndpointStatus.PAUSED
    assert (await world.first("paused")).state is DeliveryState.HELD
    await world.end()


async def test_unknown_endpoints_that_hang_leave_the_shares_of_prompt_ones() -> None:
    """However many new endpoints of a tenant hang, its own prompt ones are attempted at once.

    A few hang within workflow tasks, some more in `retry`, and all others are for the slow lane.
    """
    world = World()
    await world.first("prompt")
    some = NEWCOMERS.tenant + NEWCOMERS_RETRIES.tenant
    await world.begin(world.activities.first_attempt, *names(some))
    left = [await task for task in world.tasks if task.done()]
    assert len(left) == NEWCOMERS_RETRIES.tenant
    assert not any(log.slow or log.attempts for log in left)
    await world.begin(world.activities.retry, *names(some)[NEWCOMERS.tenant :], log=left[0])
    assert world.posts.total() == 1 + some
    assert (await world.first("hangs_too")).slow
    slow = DeliveryLog(slow=True)
    await world.begin(world.activities.retry, *names(2 * SLOW_RETRIES.tenant), log=slow)
    assert world.posts.total() == 1 + some + SLOW_RETRIES.tenant
    for _ in range(50):
        assert (await world.first("prompt")).state is DeliveryState.DELIVERED
        assert (await world.retry("prompt")).state is DeliveryState.DELIVERED
    await world.end()


async def test_a_retry_moves_to_the_slow_lane_once_its_endpoint_fails() -> None:
    """One failure moves nothing; the one that makes its endpoint a failing one does."""
    world = World(answers={"ep": 500})
    for _ in range(FAILING_AFTER - 1):
        with pytest.raises(ApplicationError) as later:
            await world.retry("ep")
        assert later.value.next_retry_delay
    after = await world.retry("ep")
    assert after.state is DeliveryState.PENDING
    assert after.slow
    assert len(after.attempts) == 1
    assert after.retry_in_seconds > 0
    with pytest.raises(ApplicationError) as later:
        await world.retry("ep", after)
    assert later.value.next_retry_delay
    assert world.posts["ep"] == FAILING_AFTER


@pytest.mark.parametrize("how", ["for the first time", "again"])
@pytest.mark.parametrize(("waited", "rest"), [(0, 60), (40, 20), (60, 0), (3_600, 0)])
async def test_a_retry_counts_its_wait_for_a_worker(waited: float, rest: float, how: str) -> None:
    """The delay begins with the failure, however long the next activity waits in a task queue."""
    failed_once = await World(answers={"ep": 500}).first("ep")
    log = failed_once.model_copy(update={"retry_in_seconds": 60.0, "slow": True})
    world = World(in_queue=timedelta(seconds=waited))
    retry = world.run(world.activities.retry, "ep", log, how=how)
    if rest:
        with pytest.raises(ApplicationError) as later:
            await retry
        assert later.value.next_retry_delay == timedelta(seconds=rest)
    else:
        assert (await retry).state is DeliveryState.DELIVERED
    assert world.posts["ep"] == (not rest)


async def test_a_retry_to_a_slow_endpoint_moves_before_it_posts() -> None:
    """What was left beside prompt endpoints' retries moves on if its endpoint has become slow."""
    world = World()
    await world.let_fail("ep")
    assert world.activities.runner.paces.of("t1", "ep") is EndpointPace.SLOW
    moved = await world.retry("ep")
    assert moved.state is DeliveryState.PENDING
    assert moved.slow
    assert not moved.attempts
    assert world.posts["ep"] == FAILING_AFTER


async def test_what_a_killed_worker_sent_is_reported_before_anything_moves() -> None:
    """A POST that was made and not reported is not made again, and its report does not wait."""
    world = World()
    failing = World(answers={"ep": 500})
    sent = (await failing.first("ep")).model_copy(update={"unreported": True})
    await world.let_fail("ep")
    after = await world.run(world.activities.retry, "ep", recorded=sent)
    assert (after.slow, after.unreported, len(after.attempts)) == (True, False, 1)
    assert world.posts["ep"] == FAILING_AFTER


async def test_slow_failures_are_reported_in_turns(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that time out together are recorded at once, and reported one after the other."""
    monkeypatch.setattr(runner_module, "SLOW_SECONDS", 0.0)
    world = World(answers={"one": 500, "other": 500})
    await world.begin(world.activities.retry, "one", "other")
    assert (world.posts.total(), world.heartbeats, turns.asked) == (2, 2, ["t1", "t1"])
    for reported in range(2):
        assert sum(task.done() for task in world.tasks) == reported
        turns.given.release()
        await assert_eventually(lambda of=reported: sum(t.done() for t in world.tasks) > of)
    assert all(isinstance(task.exception(), ApplicationError) for task in world.tasks)


@pytest.mark.parametrize(
    ("name", "slow_seconds", "how"),
    [
        ("takes", 0.0, "of_a_worker_that_goes_on"),
        ("fails", 3.0, "of_a_worker_that_goes_on"),
        ("fails", 0.0, "within_a_workflow_task"),
        ("fails", 0.0, "of_a_worker_that_stops"),
    ],
)
async def test_others_are_reported_at_once(
    turns: Turns, monkeypatch: pytest.MonkeyPatch, name: str, slow_seconds: float, how: str
) -> None:
    """A success, a quick failure, what holds a workflow task, and what a stop waits for."""
    monkeypatch.setattr(runner_module, "SLOW_SECONDS", slow_seconds)
    world = World(answers={"fails": 500})
    do = world.activities
    with suppress(ApplicationError):
        method = do.first_attempt if how == "within_a_workflow_task" else do.retry
        await world.run(method, name, how=how)
    assert (world.posts[name], turns.asked) == (1, [])
    await world.end()


async def test_a_slow_failure_is_reported_without_a_turn_in_the_end(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many have failed slowly, each is reported before its activity is too late."""
    monkeypatch.setattr(runner_module, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(runner_module, "LONGEST_WAITS", (0.0, 0.01))
    world = World(answers={"ep": 500})
    with pytest.raises(ApplicationError) as later:
        await world.retry("ep")
    assert later.value.next_retry_delay
    assert turns.asked == ["t1"]
