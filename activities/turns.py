"""The activity of `EndpointQueue`: it gives deliveries their turns, and sees them end."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistoryEventFilterType

from activities.endpoint_snapshots import EndpointSnapshots
from activities.heartbeats import heartbeats
from activities.shares import TURNS, NoRoomError, Shares, waiting_error
from activities.turn_uses import TurnUses
from hookwright.ids import delivery_workflow_id, event_workflow_id
from hookwright.queueing import Ended, QueuePlace, QueueRules, QueueTurns, TurnsGiven
from hookwright.temporal import ActivityName, Signal, described, is_sole_delivery, reached

WATCH_SECONDS = 3.0
"""How long the end of a delivery is waited for here, before its queue waits without a slot."""

TURN_SECONDS = 20.0
"""After this time no further turn is given: the queue asks again, with the rules of then."""

NEVER_CAME_SECONDS = 60.0
"""A place whose event is not stored after this time is dropped: its publish has failed."""

CLOSE_SECONDS, CLOSE_TURNS = 0.01, 10
"""Turns that are closer than this are given by ten at a time: one after the other, the calls to
Temporal would take longer."""


@dataclass(frozen=True)
class TurnActivities:
    """Gives turns. All of it is safe to repeat: a turn is for one attempt, and is given once."""

    client: Client
    endpoints: EndpointSnapshots
    shares: Shares = field(default_factory=lambda: Shares(TURNS), init=False)

    @activity.defn(name=ActivityName.GIVE_TURNS)
    async def give_turns(self, turns: QueueTurns) -> TurnsGiven:
        """Give turns, one after the other, and return how far this has come.

        It stops if the endpoint has other rules by now, if a delivery of an ordered queue takes
        long to end, and after TURN_SECONDS.

        Raises:
            ApplicationError: the tenant has many such activities under way; benign.
        """
        details = activity.info().heartbeat_details
        progress = TurnsGiven.model_validate(details[0]) if details else TurnsGiven(pace=turns.pace)
        try:
            share = self.shares.take(turns.tenant_id, turns.endpoint_id)
        except NoRoomError as error:
            activity.heartbeat(progress)
            raise waiting_error(error) from None
        with share:
            if progress.begun and turns.rules:
                # Another worker, or this one, may have given a turn that it did not record.
                progress.pace = progress.pace.after_turn(
                    datetime.now(UTC), turns.rules.interval, progress.pace.last_place
                )
            progress.begun = True
            progress.rules = await self._rules(turns)
            if progress.rules == turns.rules and progress.rules:
                async with heartbeats(lambda: (progress.model_copy(),), first_after=0):
                    await self._give_all(turns, progress.rules, progress)
        return progress

    async def _rules(self, turns: QueueTurns) -> QueueRules | None:
        endpoint = await self.endpoints.current(turns.tenant_id, turns.endpoint_id)
        return endpoint.queue_rules if endpoint else None

    async def _give_all(self, turns: QueueTurns, rules: QueueRules, progress: TurnsGiven) -> None:
        """Give the turns that are not given yet; note in `progress` how far it has come."""
        clock = asyncio.get_running_loop().time
        end = clock() + TURN_SECONDS
        uses = TurnUses(self.client)
        while progress.done < len(turns.places) and clock() < end:
            if not rules.in_order:
                _note_last(uses, turns, progress)
                await uses.wait_for_workers()
                await self._next_at_pace(turns, rules, progress)
            elif not await self._next_in_order(turns, rules, progress):
                return

    async def _next_at_pace(
        self, turns: QueueTurns, rules: QueueRules, progress: TurnsGiven
    ) -> None:
        """Give the next turn, or the next few if they are close."""
        number = 1 if rules.interval > CLOSE_SECONDS else CLOSE_TURNS
        group = turns.places[progress.done : progress.done + number]
        await asyncio.gather(*(self._give(turns, place, rules, progress) for place in group))
        progress.done += len(group)

    async def _next_in_order(
        self, turns: QueueTurns, rules: QueueRules, progress: TurnsGiven
    ) -> bool:
        """Give the next turn and wait for the delivery's end; return whether it goes on."""
        place = turns.places[progress.done]
        has_turn = turns.watch_first and not progress.done
        if has_turn or await self._give(turns, place, rules, progress):
            progress.last = await self._watch(turns, place, has_turn=has_turn)
            if progress.last is Ended.NO:
                return False
            if progress.last is Ended.GIVEN_UP and rules.hold_on_give_up:
                return False
        progress.last = None
        progress.done += 1
        return True

    async def _give(
        self, turns: QueueTurns, place: QueuePlace, rules: QueueRules, progress: TurnsGiven
    ) -> bool:
        """Give a delivery its turn when it is due; return whether it still waited for it."""
        due_at = progress.pace.next_at(datetime.now(UTC), rules.interval)
        await asyncio.sleep((due_at - datetime.now(UTC)).total_seconds())
        given_at = datetime.now(UTC)
        delivery = self.client.get_workflow_handle(_workflow_id(turns, place))
        if not await reached(delivery.signal(Signal.TURN, place.attempt)):
            return False
        progress.pace = progress.pace.after_turn(given_at, rules.interval, place)
        return True

    async def _watch(self, turns: QueueTurns, place: QueuePlace, *, has_turn: bool) -> Ended:
        """Wait a while for the end of a delivery that has its turn."""
        workflow_id = _workflow_id(turns, place)
        if not place.attempt:
            return await self._will_it_come(turns, place)
        if has_turn:
            description = await described(self.client, workflow_id)
            if description is None:
                return Ended.YES
            if description.status is not WorkflowExecutionStatus.RUNNING:
                failed = description.status is WorkflowExecutionStatus.FAILED
                return Ended.GIVEN_UP if failed else Ended.YES
        return await _or_not_yet(self._end(workflow_id))

    async def _end(self, workflow_id: str) -> Ended:
        """Wait for the end of a delivery."""
        async for event in self.client.get_workflow_handle(workflow_id).fetch_history_events(
            wait_new_event=True,
            event_filter_type=WorkflowHistoryEventFilterType.CLOSE_EVENT,
            skip_archival=True,
        ):
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
                return Ended.GIVEN_UP
        return Ended.YES

    async def _will_it_come(self, turns: QueueTurns, place: QueuePlace) -> Ended:
        """Return `YES` if no delivery will ask for the turn of a place that was taken for it."""
        event = await described(self.client, event_workflow_id(turns.tenant_id, place.event_id))
        if event is None:
            waited = datetime.now(UTC) - place.accepted_at
            return Ended.YES if waited.total_seconds() > NEVER_CAME_SECONDS else Ended.NO
        if event.status is WorkflowExecutionStatus.RUNNING:
            return Ended.NO
        if is_sole_delivery(event):
            return Ended.YES
        delivery = await described(self.client, _workflow_id(turns, place))
        is_running = delivery and delivery.status is WorkflowExecutionStatus.RUNNING
        return Ended.NO if is_running else Ended.YES


async def _or_not_yet(end: Awaitable[Ended]) -> Ended:
    """Return how a delivery has ended, or that it has not within a while."""
    try:
        async with asyncio.timeout(WATCH_SECONDS):
            return await end
    except TimeoutError:
        return Ended.NO


def _note_last(uses: TurnUses, turns: QueueTurns, progress: TurnsGiven) -> None:
    if progress.pace.last_at and progress.pace.last_place:
        uses.note(progress.pace.last_at, _workflow_id(turns, progress.pace.last_place))


def _workflow_id(turns: QueueTurns, place: QueuePlace) -> str:
    if place.sole:
        return event_workflow_id(turns.tenant_id, place.event_id)
    return delivery_workflow_id(turns.tenant_id, turns.endpoint_id, place.event_id)
