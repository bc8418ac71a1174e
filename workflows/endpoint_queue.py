"""`EndpointQueue`: the turns of an endpoint's deliveries, if it has a rate limit or an order."""

import asyncio
from datetime import timedelta
from functools import partial

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.turns import TurnActivities
    from hookwright.queueing import PlaceQueue, QueuePlace, QueueState, QueueTurns
    from hookwright.temporal import MemoKey, Signal, WorkflowType
    from workflows.explaining import queue_details


TURNS_TIMEOUT, MISSED_HEARTBEAT = timedelta(minutes=2), timedelta(seconds=10)

MEMO_INTERVAL = timedelta(seconds=1)

IDLE_BEFORE_END = timedelta(seconds=30)
"""An empty queue waits for this long before it ends: to begin again costs more than to wait."""

HEADS_THAT_WAIT_TAKE_NO_ROOM = "heads-that-wait-take-no-room"
"""A run of an earlier version goes on without it until it continues as new, if its history is past
a point where it matters: other ordering keys have turns that the history does not have."""

MAX_SIGNALS = 2_000
"""In one run. Temporal takes 10,000, and more come while the run ends."""


@workflow.defn(name=WorkflowType.ENDPOINT_QUEUE)
class EndpointQueue:
    """Gives turns until no delivery waits. The first delivery that waits starts it again."""

    @workflow.init
    def __init__(self, state: QueueState) -> None:
        as_now = partial(workflow.patched, HEADS_THAT_WAIT_TAKE_NO_ROOM)
        self.queue = PlaceQueue(state, as_now)
        self.signals = 0
        self.renewing = self.has_given = False
        self.changed = self.memo_is_old = True

    @workflow.run
    async def run(self, state: QueueState) -> None:  # noqa: ARG002 - taken by __init__
        """Give turns as they are due, until the queue is over or its history has grown long."""
        memo_task = asyncio.create_task(self.keep_memo())
        giving: set[asyncio.Task[None]] = set()
        while not (self.history_is_long() or await self.is_over()):
            for turns in self.queue.due(workflow.now()):
                task = asyncio.create_task(self.give(turns))
                giving.add(task)
                task.add_done_callback(giving.discard)
            await self.wait_for_change()
        await asyncio.gather(*giving)
        memo_task.cancel()
        if not self.queue.may_end(workflow.now()):
            workflow.continue_as_new(self.queue.state(), memo={MemoKey.QUEUE: self.queue.view()})

    async def give(self, turns: QueueTurns) -> None:
        """Have an activity give turns, and note what came of them."""
        result = await workflow.execute_activity_method(
            TurnActivities.give_turns,
            turns,
            start_to_close_timeout=TURNS_TIMEOUT,
            heartbeat_timeout=MISSED_HEARTBEAT,
            summary=_turns_summary(turns),
        )
        self.queue.given(turns, result, workflow.now())
        self.has_given = self.has_given or bool(turns.places)
        self.changed = self.memo_is_old = True

    async def wait_for_change(self) -> None:
        """Wait until something has changed, or the next turns are due."""
        due_at = self.queue.due_at(workflow.now())
        timeout = max(timedelta(), due_at - workflow.now()) if due_at else None
        try:
            await workflow.wait_condition(
                lambda: self.changed,
                timeout=timeout,
                timeout_summary="until the next turns are due",
            )
        except TimeoutError:
            return
        self.changed = False

    async def is_over(self) -> bool:
        """Return whether no delivery waits or comes within a while, nor before its turn is due."""
        if self.changed or not (self.queue.is_idle and self.queue.is_empty):
            return False
        until_turn = self.queue.next_turn_at(workflow.now()) - workflow.now()
        try:
            await workflow.wait_condition(
                lambda: self.changed,
                timeout=max(IDLE_BEFORE_END, until_turn),
                timeout_summary="end, if nothing comes: no delivery waits",
            )
        except TimeoutError:
            return True
        return False

    def history_is_long(self) -> bool:
        """Return whether this run is to end for that reason, or to be written afresh.

        An empty queue is not written afresh, because it ends soon. A run that has given no turn
        goes on, so that the queue moves however short its runs are.
        """
        renewing = self.renewing and not self.queue.is_empty
        suggested = workflow.info().is_continue_as_new_suggested() and self.has_given
        return renewing or suggested or self.signals >= MAX_SIGNALS

    async def keep_memo(self) -> None:
        """Show people the queue: a copy in the memo, at most one a second."""
        while True:
            await workflow.wait_condition(lambda: self.memo_is_old)
            self.memo_is_old = False
            view = self.queue.view()
            workflow.set_current_details(queue_details(view, self.queue.rules))
            workflow.upsert_memo({MemoKey.QUEUE: view})
            await workflow.sleep(MEMO_INTERVAL, summary="the memo is written once a second at most")

    @workflow.signal(name=Signal.TAKE_PLACES, description="Give deliveries their places.")
    def take_places(self, places: list[QueuePlace]) -> None:
        """Give deliveries their places, or note that they wait for their turns there."""
        self.note_signal()
        turned_away = self.queue.turned_away
        for place in places:
            self.queue.take(place)
        if self.queue.turned_away != turned_away:
            workflow.logger.warning("this queue is full; deliveries ask again for a place later")

    @workflow.signal(name=Signal.ENDED, description="A delivery has ended: look at it.")
    def note_end(self, event_id: str) -> None:
        """Look at a delivery that is reported to have ended."""
        self.note_signal()
        self.queue.look_at(event_id, workflow.now())

    @workflow.signal(name=Signal.CHANGED, description="The endpoint was changed: read its rules.")
    def read_rules(self) -> None:
        """Read the endpoint, which was changed."""
        self.note_signal()
        self.queue.read_rules()

    @workflow.signal(name=Signal.RENEW, description="Write everything under the current key.")
    def renew(self) -> None:
        """Continue as new, which writes everything under the current encryption key."""
        self.note_signal()
        self.renewing = True

    def note_signal(self) -> None:
        """Count a signal, and have `run` look at the queue."""
        self.signals += 1
        self.changed = self.memo_is_old = True


def _turns_summary(turns: QueueTurns) -> str:
    if not turns.places:
        return "read the endpoint's rules"
    return f"give {len(turns.places)} turns, the first to event {turns.places[0].event_id}"
