"""Real deliveries and the real health of their endpoint, in memory, with workers that are killed.

In the place of Temporal is what `Delivery` uses of it, and no more. Time stands still: what is due
later comes when the test says so. A killed worker's work is done again: a local activity from its
start, `retry` with the heartbeats that were recorded.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from temporalio import activity
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.delivery import (
    AttemptRunner,
    DeliveryActivities,
    DeliveryReports,
    HandOvers,
    QueuePlaces,
    WebhookSender,
)
from activities.delivery import attempts as attempts_file
from activities.egress import Answer
from hookwright.contracts import DeactivationRule
from hookwright.expressions import Evaluator
from hookwright.health import Health, Report, Reports
from hookwright.models import DeliveryInput, DeliveryLog, EndpointState, EventInput
from hookwright.outcomes import DeliveryState
from hookwright.temporal import DELIVERY_STATE, MemoKey
from support.fakes import DELIVERED, OWN_QUEUE, endpoint, failed
from support.health import BEGIN
from support.stack import CONTRACTS, unique
from workflows import delivery as workflow_file
from workflows.delivery import Delivery

CURRENT: ContextVar["Run"] = ContextVar("run")
READY = 80
"""Rounds of the loop after which whatever can go on without an answer has done so."""


@dataclass
class World:
    """One endpoint, its deliveries, and a receiver that answers when the test lets it."""

    rule: DeactivationRule
    health: Health = field(default_factory=Health)
    runs: list["Run"] = field(default_factory=list)
    posts: deque[asyncio.Future[Answer]] = field(default_factory=deque)
    reports_fail: int = 0
    fault: Exception = field(default_factory=lambda: RuntimeError("the answer was lost"))
    handed_over_reads_fail: int = 0
    deleted: bool = False
    tallies: int = 0

    def __post_init__(self) -> None:
        self.state = endpoint(retry={"schedule_seconds": [60, 60]}, deactivation=self.rule)
        self.new_worker()

    def new_worker(self) -> None:
        """Let another worker do what is done from now on: it knows no POST of the one before."""
        # It plays the part of each of these, with the methods that a delivery uses of them.
        me: Any = self
        queue: Any = WorkersReports(self)
        sender = WebhookSender(me, CONTRACTS, Evaluator())
        runner = AttemptRunner(sender, DeliveryReports(queue, me, sender))
        queues = QueuePlaces(me, "entities")
        self.attempts = DeliveryActivities(me, me, runner, queues, HandOvers(OWN_QUEUE))

    # What the activities use: endpoints, reporter, client, egress.

    async def current(self, *_: object) -> EndpointState | None:
        if self.handed_over_reads_fail and not activity.info().is_local:
            self.handed_over_reads_fail -= 1
            raise TimeoutError
        if self.deleted:
            return None
        return self.state.model_copy(update={"health": self.health.public().model_copy(deep=True)})

    at_least = current

    def recent(self, *_: object) -> None:
        pass

    def expect_change(self, *_: object) -> None:
        pass

    async def add(self, rule: DeactivationRule, it: Report) -> None:
        self.health.take(Reports(rule=rule, reports=[it]), BEGIN)
        if self.reports_fail:
            self.reports_fail -= 1
            raise self.fault  # it was stored, and the answer was lost

    def get_workflow_handle(self, _: str) -> Any:
        pending = [CURRENT.get()] if CURRENT.get().is_retrying else []

        async def describe() -> Any:
            return SimpleNamespace(raw_description=SimpleNamespace(pending_activities=pending))

        return SimpleNamespace(describe=describe)

    async def post(self, *_: object) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.posts.append(answer)
        return await answer

    # What a test does.

    async def started(self, **how: Any) -> "Run":
        """Start a delivery, and see it parked, at work, or lost with its worker."""
        run = Run(self, **how)
        self.runs.append(run)
        run.start()
        await self.settle()
        return run

    async def settle(self) -> None:
        for _ in range(READY):
            await asyncio.sleep(0)

    def answer(self, status: int) -> None:
        """Let the receiver answer the POST that waits longest."""
        self.posts.popleft().set_result(DELIVERED if status == 200 else failed(status))

    @property
    def parked(self) -> int:
        return sum(run.parked for run in self.runs)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way, or was lost and is to be done again."""
        return not self.posts and not any(run.under_way for run in self.runs)


@dataclass
class WorkersReports:
    """What one worker reports, and knows that it has."""

    world: World
    reported: set[str] = field(default_factory=set)

    def is_reported(self, key: str) -> bool:
        return key in self.reported

    def tally(self, *_: object) -> None:
        self.world.tallies += 1

    async def add(self, _tenant: str, _endpoint: str, rule: DeactivationRule, it: Report) -> None:
        self.reported.add(it.key)
        await self.world.add(rule, it)


@dataclass
class Run:
    """One delivery: what it asks of Temporal."""

    world: World
    id: str = field(default_factory=lambda: unique("run"))
    workflow: Delivery = field(default_factory=Delivery)
    parked: bool = False
    under_way: int = 0
    kill_next: bool = False
    keep_heartbeats: bool = False
    too_early: timedelta = timedelta()
    lost: asyncio.Event | None = None
    due: asyncio.Event | None = None
    heartbeats: list[Any] = field(default_factory=list)
    is_retrying: bool = False
    log: DeliveryLog = field(default_factory=DeliveryLog)
    searchable: dict[str, Any] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[Any] | None = None
    orphans: set[asyncio.Task[Any]] = field(default_factory=set)

    def start(self) -> None:
        event = EventInput(tenant_id="t1", id=unique("evt"), type="loan.funded", data={"n": 1})
        argument = DeliveryInput(
            event=event, happened_at=BEGIN, endpoint_id="ep_1", endpoint_version=1
        )

        async def run() -> None:
            CURRENT.set(self)
            self.log = await self.workflow.run(argument)

        self.task = asyncio.create_task(run())

    def signal(self, deliver: Callable[..., None], *arguments: object) -> None:
        deliver(self.workflow, *arguments)
        self.woken.set()

    async def wait_condition(self, holds: Callable[[], bool]) -> None:
        self.parked = self.searchable.get(DELIVERY_STATE.name) == DeliveryState.HELD
        try:
            while not holds():
                self.woken.clear()
                await self.woken.wait()
        finally:
            self.parked = False

    def upsert_memo(self, updates: dict[str, DeliveryLog]) -> None:
        self.log = updates[MemoKey.ATTEMPTS]

    def upsert_search_attributes(self, updates: list[Any]) -> None:
        for update in updates:
            self.searchable[update.key.name] = update.value

    async def local(self, method: Callable[..., Any], arguments: list[Any]) -> Any:
        """Run a local activity; a killed worker's is run again from its start."""
        name = method.__name__
        if name == "cancel_workflow":
            assert self.task is not None
            asyncio.get_running_loop().call_soon(self.task.cancel)
            return None
        while True:
            try:
                result = await self._activity(method, arguments, 1, [], is_local=True)
            except RuntimeError as error:
                if name == "first_attempt":  # tried once, and left to the schedule then
                    raise _failed_activity(name) from error
                continue
            if not self.kill_next:
                return result
            await self._killed()

    async def scheduled(self, method: Callable[..., Any], arguments: list[Any]) -> Any:
        """Run `retry` as Temporal does: again when it fails, with the heartbeats recorded."""
        self.heartbeats, self.is_retrying, number = [], True, 0
        while True:
            number, before = number + 1, self.heartbeats
            try:
                result = await self._activity(method, arguments, number, before)
            except ApplicationError:
                if not self.kill_next:
                    await self._until_due()
                    continue
            except RuntimeError:
                continue
            else:
                if not self.kill_next:
                    self.heartbeats, self.is_retrying = [], False
                    return result
            if not self.keep_heartbeats:
                self.heartbeats = before
            await self._killed()

    async def on_own_queue(self, method: Callable[..., Any], arguments: list[Any]) -> Any:
        """Run an activity on the task queue of its worker: it fails if that worker is killed."""
        try:
            result = await self._activity(method, arguments, 1, [])
        except Exception as error:
            raise _failed_activity(method.__name__) from error
        if self.kill_next:
            await self._killed()
            raise _failed_activity(method.__name__)
        return result

    async def _killed(self) -> None:
        self.kill_next = False
        self.world.new_worker()
        self.lost = asyncio.Event()
        self.under_way += 1
        try:
            await self.lost.wait()
        finally:
            self.under_way -= 1
            self.lost = None

    async def _until_due(self) -> None:
        self.due = asyncio.Event()
        try:
            await self.due.wait()
        finally:
            self.due = None

    async def _activity(
        self,
        method: Callable[..., Any],
        arguments: list[Any],
        number: int,
        details: list[Any],
        *,
        is_local: bool = False,
    ) -> Any:
        """Run it beside the workflow: cancelled, the workflow goes on without it."""
        environment = ActivityEnvironment()
        environment.info = replace(
            environment.info,
            workflow_run_id=self.id,
            is_local=is_local,
            attempt=number,
            heartbeat_details=details,
            current_attempt_scheduled_time=environment.info.started_time + self.too_early,
        )
        environment.on_heartbeat = self._beat
        bound = getattr(self.world.attempts, method.__name__)
        return await asyncio.shield(self._beside(environment.run(bound, *arguments)))

    def _beat(self, *logs: DeliveryLog) -> None:
        self.heartbeats = [log.model_dump(mode="json") for log in logs]

    def _beside(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        async def counted() -> Any:
            self.under_way += 1
            try:
                return await work
            finally:
                self.under_way -= 1

        task = asyncio.create_task(counted())
        self.orphans.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self.orphans.discard(task)
        if not task.cancelled():
            task.exception()  # the workflow that waited for it was cancelled, and takes no error


def _failed_activity(name: str) -> ActivityError:
    return ActivityError(
        "failed",
        scheduled_event_id=1,
        started_event_id=1,
        identity="",
        activity_type=name,
        activity_id="",
        retry_state=None,
    )


def _fake_workflow() -> SimpleNamespace:
    """Return what stands in `workflows.delivery` for `temporalio.workflow`."""

    async def local(method: Any, *arguments: Any, **_: object) -> Any:
        return await CURRENT.get().local(method, [*arguments])

    def started(method: Any, *arguments: Any, task_queue: str, **_: object) -> asyncio.Task[Any]:
        run = CURRENT.get()
        how = run.on_own_queue if task_queue == OWN_QUEUE else run.scheduled
        return asyncio.create_task(how(method, [*arguments]))

    async def wait_condition(holds: Callable[[], bool]) -> None:
        await CURRENT.get().wait_condition(holds)

    return SimpleNamespace(
        execute_local_activity_method=local,
        start_activity_method=started,
        wait_condition=wait_condition,
        upsert_memo=lambda it: CURRENT.get().upsert_memo(it),
        upsert_search_attributes=lambda it: CURRENT.get().upsert_search_attributes(it),
        memo_value=lambda _, default, **__: default,
        now=lambda: BEGIN,
        set_current_details=lambda _: None,
        info=lambda: SimpleNamespace(task_queue="deliveries"),
    )


def hand_over_at_once(*, really: bool = True) -> None:
    """Let first attempts leave their workflow tasks at once, or never, until `in_memory` ends."""
    attempts_file.PATIENCE_SECONDS = (0.0, 0.0) if really else (3_600.0, 3_600.0)


@contextmanager
def in_memory() -> Iterator[None]:
    """Let deliveries run without Temporal while the context lasts."""

    async def recorded(_: object, pending: "Run", __: object) -> DeliveryLog:
        return DeliveryLog.model_validate(pending.heartbeats[0] if pending.heartbeats else {})

    with (
        patch.object(workflow_file, "workflow", _fake_workflow()),
        patch.object(attempts_file, "recorded", recorded),
        patch.object(attempts_file, "PATIENCE_SECONDS", attempts_file.PATIENCE_SECONDS),
    ):
        yield
