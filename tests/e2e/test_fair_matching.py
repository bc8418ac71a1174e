"""Tenants take turns at what waits in Temporal's task queues, and no start is delayed for that."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest
from support.receiver import Receiver
from support.stack import Stack, unique
from support.waiting import assert_eventually, eventually
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from hookwright.ids import (
    endpoint_workflow_id,
    event_workflow_id,
    recovery_workflow_id,
    tenant_workflow_id,
)
from hookwright.models import DeliveryInput, EventInput
from hookwright.temporal import (
    Signal,
    WorkflowType,
    described,
    first_entry,
    publish,
    publish_sole_delivery,
    start_delivery,
)

pytestmark = pytest.mark.cluster

MANY, FEW = 40, 3

BEGUN: list[str] = []


@workflow.defn(dynamic=True)
class Noted:
    """Stands for every workflow, and notes in which order they begin."""

    @workflow.run
    async def run(self, _: Sequence[RawValue]) -> None:
        BEGUN.append(workflow.info().workflow_id)


Start = Callable[[Client, str, EventInput], Awaitable[object]]


async def an_event(client: Client, queue: str, event: EventInput) -> None:
    await publish(client, event, task_queue=queue)


async def a_delivery(client: Client, queue: str, event: EventInput) -> None:
    await start_delivery(client, queue, delivery_of(event))


async def a_sole_delivery(client: Client, queue: str, event: EventInput) -> None:
    await publish_sole_delivery(client, delivery_of(event), task_queue=queue)


def delivery_of(event: EventInput) -> DeliveryInput:
    now = datetime.now(UTC)
    return DeliveryInput(event=event, happened_at=now, endpoint_id="ep_1", endpoint_version=1)


@pytest.mark.parametrize("start", [an_event, a_delivery, a_sole_delivery])
async def test_tenants_take_turns_in_a_queue(client: Client, start: Start) -> None:
    """Three of a tenant that come behind forty of another one wait for three of those at most."""
    queue, big, small = unique("queue"), unique("big"), unique("small")
    BEGUN.clear()
    for tenant, times in ((big, MANY), (small, FEW)):
        for _ in range(times):
            event = EventInput(tenant_id=tenant, id=unique("evt"), type="a", data=1)
            await start(client, queue, event)
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Noted],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_workflow_tasks=1,
        max_concurrent_workflow_task_polls=1,
        max_cached_workflows=0,
    ):
        await assert_eventually(lambda: len(BEGUN) == MANY + FEW, within=60)
    last = max(place for place, workflow_id in enumerate(BEGUN) if f":{small}:" in workflow_id)
    assert last < 3 * FEW


async def test_the_first_task_still_comes_with_the_answer(service: Stack, hooks: Receiver) -> None:
    """A delivery with a tenant's priority starts in the worker of its publisher without a poll."""
    await service.add_endpoint(hooks.url)
    event = await service.publish()
    await assert_eventually(lambda: len(hooks.requests) == 1, within=60)
    began = await first_entry(service.client, event_workflow_id(service.tenant, event["id"]))
    attributes = began.workflow_execution_started_event_attributes
    assert attributes.workflow_type.name == WorkflowType.DELIVERY
    assert attributes.eager_execution_accepted
    assert attributes.priority.fairness_key == service.tenant


async def test_what_a_tenant_s_entities_do_takes_turns(service: Stack, hooks: Receiver) -> None:
    """A tenant, its endpoints and their recoveries have its priority, also in their later runs."""
    endpoint = await service.add_endpoint(hooks.url)
    begun = await service.http.post(
        f"{service.root}/endpoints/{endpoint['id']}/recover",
        json={"status": "failed", "since": "2026-01-15T00:00:00Z"},
    )
    assert begun.status_code == 202, begun.text
    ids = service.tenant, endpoint["id"]
    entities = [tenant_workflow_id(ids[0]), endpoint_workflow_id(*ids)]
    for workflow_id in [*entities, recovery_workflow_id(*ids)]:
        assert await key_of_latest_run(service.client, workflow_id) == service.tenant
    for workflow_id in entities:
        handle = service.client.get_workflow_handle(workflow_id)
        first = (await handle.describe()).run_id
        await handle.signal(Signal.RENEW)
        await eventually(handle.describe, lambda it, first=first: it.run_id != first)
        assert await key_of_latest_run(service.client, workflow_id) == service.tenant


async def key_of_latest_run(client: Client, workflow_id: str) -> str:
    execution = await described(client, workflow_id)
    assert execution
    return execution.raw_description.workflow_execution_info.priority.fairness_key
