"""Slow receivers hold up nobody, whatever kind of attempt it is that they keep waiting."""

import asyncio
from collections import Counter

import pytest
from support.receiver import Received, Receiver, Reply
from support.stack import Stack
from support.waiting import assert_eventually, eventually

from activities.shares import RETRIES, SLOW_RETRIES
from hookwright.ids import deliveries_queue, slow_lane

pytestmark = pytest.mark.cluster

ENDPOINTS, EVENTS = 10, 16
DELIVERIES = ENDPOINTS * EVENTS


@pytest.mark.timeout(400)
async def test_hanging_retries_hold_up_nobody(busy: Stack, hooks: Receiver) -> None:
    """With more retries hanging than a tenant may have, another one's are made, and its changes.

    Those beyond its share wait: that is no attempt, and each is delivered in the end.
    """
    gate, seen = asyncio.Event(), Counter[str]()

    def behave(it: Received) -> Reply:
        seen[it.webhook_id + it.path] += 1
        first = seen[it.webhook_id + it.path] == 1
        return Reply(500) if first else Reply(gate=gate if "slow" in it.path else None)

    hooks.behave = behave
    for number in range(ENDPOINTS):
        await busy.add_endpoint(
            f"{hooks.url}/slow/{number}", retry={"schedule_seconds": [0.1]}, timeout_seconds=60
        )
    for _ in range(EVENTS):
        await busy.publish()

    def hanging() -> int:
        return len(hooks.requests) - DELIVERIES

    await assert_eventually(lambda: hanging() >= SLOW_RETRIES.tenant, within=120)
    other = await busy.with_new_tenant()
    endpoint = await other.add_endpoint(
        f"{hooks.url}/quick", retry={"schedule_seconds": [0.1]}, description="before"
    )
    event = await other.publish()
    delivery = await eventually(
        lambda: other.delivery(endpoint["id"], event["id"]),
        lambda it: it.get("state") == "delivered",
        within=60,
    )
    assert len(delivery["attempts"]) == 2
    changed = await other.http.patch(
        f"{other.root}/endpoints/{endpoint['id']}", json={"description": "after"}
    )
    assert changed.status_code == 200
    assert hanging() <= RETRIES.tenant + SLOW_RETRIES.tenant + 2
    gate.set()
    query = f"TenantId = '{busy.tenant}' AND WorkflowType = 'Delivery'"

    async def delivered() -> int:
        found = await busy.client.count_workflows(f"{query} AND ExecutionStatus = 'Completed'")
        return found.count

    await eventually(delivered, lambda number: number == DELIVERIES, within=200)
    assert set(seen.values()) == {2}


async def test_failing_endpoints_are_retried_on_a_queue_of_their_own(
    service: Stack, hooks: Receiver
) -> None:
    """After three failures of its endpoint a delivery goes on in the slow lane, and not before."""
    hooks.behave = lambda it: Reply(500 if "bad" in it.path else 200)
    await service.add_endpoint(f"{hooks.url}/good")
    await service.add_endpoint(f"{hooks.url}/bad", retry={"schedule_seconds": [0.1] * 3})
    event = await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 5, within=60)
    scheduled = []
    query = f"TenantId = '{service.tenant}' AND WorkflowType = 'Delivery'"

    async def listed() -> int:
        return (await service.client.count_workflows(query)).count

    await eventually(listed, lambda number: number == 2, within=60)
    async for execution in service.client.list_workflows(query):
        assert event["id"] in execution.id
        handle = service.client.get_workflow_handle(execution.id)
        scheduled += [
            entry.activity_task_scheduled_event_attributes.task_queue.name
            async for entry in handle.fetch_history_events()
            if entry.HasField("activity_task_scheduled_event_attributes")
        ]
    queue = deliveries_queue(service.task_queue)
    assert scheduled == [queue, slow_lane(queue)]
