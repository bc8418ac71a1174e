"""A receiver that takes long holds no workflow task, and gets each webhook once."""

import asyncio
from collections import Counter
from dataclasses import dataclass

import pytest
from support.receiver import Receiver, Reply
from support.stack import Stack
from support.waiting import eventually
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from activities.delivery import attempts
from hookwright.ids import deliveries_queue

pytestmark = pytest.mark.cluster


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "PATIENCE_SECONDS", (0.1, 0.1))


@dataclass(frozen=True)
class Slow:
    """A delivery whose first POST has left its workflow task. `gate` lets the receiver answer."""

    delivery: WorkflowHandle
    endpoint_id: str
    event_id: str
    gate: asyncio.Event


async def slow(service: Stack, hooks: Receiver, status: int = 200) -> Slow:
    """Publish an event for a receiver that takes long."""
    gate = asyncio.Event()
    hooks.behave = lambda _: Reply(status, gate=gate)
    endpoint, event = await service.add_endpoint(hooks.url), await service.publish()
    delivery = await service.out_of_its_task(event["id"])
    return Slow(delivery, endpoint["id"], event["id"], gate)


async def test_its_reply_comes_by_an_activity(service: Stack, hooks: Receiver) -> None:
    """The POST is made once; the worker that made it waits for the reply, on a queue of its own."""
    it = await slow(service, hooks)
    shown = await service.delivery(it.endpoint_id, it.event_id)
    assert (shown["state"], shown["attempts"], shown["next_attempt_at"]) == ("pending", [], None)
    it.gate.set()
    log = await it.delivery.result()
    assert [each["number"] for each in log["attempts"]] == [1]
    assert len(hooks.requests) == 1
    history = [entry async for entry in it.delivery.fetch_history_events()]
    kinds = Counter(EventType.Name(entry.event_type) for entry in history)
    assert kinds["EVENT_TYPE_WORKFLOW_TASK_COMPLETED"] == 2
    [scheduled] = [
        entry.activity_task_scheduled_event_attributes
        for entry in history
        if entry.HasField("activity_task_scheduled_event_attributes")
    ]
    assert scheduled.activity_type.name == "first_attempt"
    shared = deliveries_queue(service.task_queue)
    assert scheduled.task_queue.name.startswith(f"{shared}-")


@pytest.mark.parametrize(("status", "state"), [(200, "delivered"), (500, "cancelled")])
async def test_a_cancellation_waits_for_it(
    service: Stack, hooks: Receiver, status: int, state: str
) -> None:
    """Cancelled while its receiver takes long, a delivery shows what the receiver answered."""
    it = await slow(service, hooks, status)
    path = f"{service.root}/deliveries/{it.endpoint_id}:{it.event_id}"
    assert (await service.http.post(f"{path}/cancel")).is_success
    it.gate.set()
    shown = await eventually(
        lambda: service.delivery(it.endpoint_id, it.event_id),
        lambda shown: shown["state"] == state,
        60,
    )
    assert [each["status_code"] for each in shown["attempts"]] == [status]
    assert len(hooks.requests) == 1


async def test_a_retry_by_hand_meanwhile_makes_no_post(service: Stack, hooks: Receiver) -> None:
    """Who asks for an attempt while the first one waits for its receiver gets no second one."""
    it = await slow(service, hooks)
    path = f"{service.root}/deliveries/{it.endpoint_id}:{it.event_id}"
    assert (await service.http.post(f"{path}/retry")).is_success
    it.gate.set()
    await eventually(
        lambda: service.delivery(it.endpoint_id, it.event_id),
        lambda shown: shown["state"] == "delivered",
        60,
    )
    assert len(hooks.requests) == 1
