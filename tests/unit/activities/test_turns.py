"""Giving turns: after the one before has ended, and what a killed worker gave counts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest
from support.fakes import FakeEndpoints, endpoint
from temporalio.api.enums.v1 import EventType, PendingWorkflowTaskState
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities import turn_uses
from activities import turns as module
from activities.turns import TurnActivities
from hookwright.ids import delivery_workflow_id
from hookwright.models import EndpointState
from hookwright.queueing import Ended, QueuePace, QueuePlace, QueueTurns, TurnsGiven

NOW = datetime.now(UTC)


class EndedDeliveries:
    """Temporal, as far as it is needed: every delivery has ended."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get_workflow_handle(self, workflow_id: str, **_: object) -> Any:
        self.asked.append(workflow_id)
        return self

    async def signal(self, *_: object) -> None:
        raise RPCError("ended", RPCStatusCode.NOT_FOUND, b"")


def wanted(state: EndpointState, *events: str) -> QueueTurns:
    """Return the turns of these events in the endpoint's queue."""
    return QueueTurns(
        tenant_id=state.tenant_id,
        endpoint_id=state.endpoint_id,
        line="",
        rules=state.queue_rules,
        places=[QueuePlace(event, NOW, 1) for event in events],
    )


async def given(per_second: float | None, details: list[TurnsGiven]) -> TurnsGiven:
    """Return what comes of a turn for a delivery that has ended."""
    state = endpoint(rate_limit_per_second=per_second)
    client: Any = EndedDeliveries()
    endpoints: Any = FakeEndpoints(state)
    turns = wanted(state, "evt_1")
    environment = ActivityEnvironment()
    environment.info = replace(environment.default_info(), heartbeat_details=details)
    return await environment.run(TurnActivities(client, endpoints).give_turns, turns)


async def test_a_delivery_that_has_ended_uses_no_turn() -> None:
    """Its place is done with, and the next turn is due as before."""
    result = await given(20.0, [])
    assert (result.done, result.pace) == (1, QueuePace())


@pytest.mark.parametrize("begun", [True, False])
async def test_a_turn_that_may_have_been_given_counts(begun: bool) -> None:  # noqa: FBT001
    """After a killed worker that had begun, the next turn is due an interval later."""
    before = datetime.now(UTC)
    result = await given(20.0, [TurnsGiven(begun=begun)])
    is_later = result.pace.next_at(before, 1 / 20) >= before + timedelta(seconds=0.97 / 20)
    assert is_later is begun


class OrderedDeliveries:
    """Temporal, where each delivery that has its turn ends in the same way, or does not end."""

    def __init__(self, end: int | None) -> None:
        self.end = end
        self.had_turns: list[str] = []

    def get_workflow_handle(self, workflow_id: str, **_: object) -> Any:
        async def signal(*_: object) -> None:
            self.had_turns.append(workflow_id)

        return SimpleNamespace(signal=signal, fetch_history_events=self.close_event)

    async def close_event(self, **_: object) -> AsyncIterator[Any]:
        if self.end is None:
            await asyncio.Event().wait()
        yield SimpleNamespace(event_type=self.end)


COMPLETED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
FAILED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED


@pytest.mark.parametrize(
    ("end", "on_give_up", "stops"),
    [
        (None, "skip", Ended.NO),
        (FAILED, "hold", Ended.GIVEN_UP),
        (FAILED, "skip", None),
        (COMPLETED, "hold", None),
    ],
)
async def test_others_wait_for_one_that_has_not_ended(
    monkeypatch: pytest.MonkeyPatch, end: int | None, on_give_up: str, stops: Ended | None
) -> None:
    """The next of a key has no turn before the one before has ended, or may be passed over."""
    monkeypatch.setattr(module, "WATCH_SECONDS", 0.05)
    state = endpoint(ordering="fifo", on_give_up=on_give_up)
    client: Any = OrderedDeliveries(end)
    endpoints: Any = FakeEndpoints(state)
    turns = wanted(state, *(f"evt_{number}" for number in range(3)))
    activities = TurnActivities(client, endpoints)
    result = await ActivityEnvironment().run(activities.give_turns, turns)
    number = 1 if stops else 3
    deliveries = [
        delivery_workflow_id(state.tenant_id, state.endpoint_id, place.event_id)
        for place in turns.places
    ]
    assert client.had_turns == deliveries[:number]
    assert (result.done, result.last) == (0 if stops else 3, stops)


async def test_an_end_that_is_reported_before_it_is_one_needs_no_second_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker tells a queue of an end, and then ends the delivery: the look waits for it."""
    running = SimpleNamespace(status=WorkflowExecutionStatus.RUNNING)
    monkeypatch.setattr(module, "described", AsyncMock(return_value=running))
    state = endpoint(ordering="fifo")
    client: Any = OrderedDeliveries(COMPLETED)
    endpoints: Any = FakeEndpoints(state)
    look = wanted(state, "evt_1").model_copy(update={"watch_first": True})
    activities = TurnActivities(client, endpoints)
    result = await ActivityEnvironment().run(activities.give_turns, look)
    assert (result.done, result.last, client.had_turns) == (1, None, [])


WAITING = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED


class LateDeliveries:
    """Temporal, where each delivery lies in a task queue for its first looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.done: list[str] = []

    def get_workflow_handle(self, workflow_id: str, **_: object) -> Any:
        event = workflow_id.rpartition(":")[2]

        async def signal(*_: object) -> None:
            self.done.append(event)

        async def describe(**_: object) -> Any:
            self.done.append(f"looked at {event}")
            raw = DescribeWorkflowExecutionResponse()
            if self.done.count(f"looked at {event}") <= self.looks:
                raw.pending_workflow_task.state = WAITING
            return SimpleNamespace(raw_description=raw)

        return SimpleNamespace(signal=signal, describe=describe)


async def given_behind(client: LateDeliveries, seconds_ago: float) -> list[str]:
    """Return what is done for two turns, when one was given so many seconds ago."""
    state = endpoint(rate_limit_per_second=20.0)
    last_at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    turns = wanted(state, "evt_1", "evt_2").model_copy(
        update={"pace": QueuePace().after_turn(last_at, 1 / 20, QueuePlace("evt_0", NOW, 1))}
    )
    temporal: Any = client
    endpoints: Any = FakeEndpoints(state)
    result = await ActivityEnvironment().run(TurnActivities(temporal, endpoints).give_turns, turns)
    assert (result.done, result.pace.last_place) == (2, turns.places[1])
    return client.done


async def test_no_turn_is_given_while_workers_are_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who had its turn a second ago and lies in a task queue is looked at until a worker has it."""
    monkeypatch.setattr(turn_uses, "SECONDS_BETWEEN_LOOKS", 0.01)
    done = await given_behind(LateDeliveries(looks=3), seconds_ago=1.5)
    assert done == ["looked at evt_0"] * 4 + ["evt_1", "evt_2"]


async def test_a_turn_of_this_moment_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has had time for its turn for a moment only may lie in a task queue: no call is made."""
    monkeypatch.setattr(turn_uses, "USED_WITHIN", timedelta(minutes=1))
    assert await given_behind(LateDeliveries(looks=3), seconds_ago=0.1) == ["evt_1", "evt_2"]


async def test_a_delivery_that_no_worker_takes_stops_no_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those behind it have their turns after a while."""
    monkeypatch.setattr(turn_uses, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(turn_uses, "LONGEST_WAIT_SECONDS", 0.1)
    done = await given_behind(LateDeliveries(looks=1_000), seconds_ago=1.5)
    assert done[-2:] == ["evt_1", "evt_2"]
