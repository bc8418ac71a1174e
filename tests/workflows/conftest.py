"""The time-skipping server, and a delivery on it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest_asyncio
from support.fakes import Deliver, FakeEgress, FakeEndpoints, attempts
from support.stack import unique
from support.time_skipping import start_time_skipping
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from hookwright.ids import delivery_workflow_id, slow_lane
from hookwright.models import DeliveryInput, EventInput
from workflows.delivery import Delivery


@pytest_asyncio.fixture(scope="module")
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    """One time-skipping server for each file, with our search attributes.

    A workflow that a failed test leaves under way keeps the server from skipping time, and each
    workflow that ends with no timer left moves its clock by ten years.
    """
    async with await start_time_skipping() as environment:
        yield environment


@pytest_asyncio.fixture
async def deliver(time_skipping: WorkflowEnvironment) -> AsyncIterator[Deliver]:
    """Start a delivery with these fakes; its worker runs for as long as the test."""
    workers: list[Worker] = []

    async def start(egress: FakeEgress, endpoints: FakeEndpoints) -> WorkflowHandle:
        client = time_skipping.client
        egress.clock = time_skipping.get_current_time
        activities = attempts(client, endpoints, egress)
        task_queue, event_id = unique("queue"), unique("evt")
        worker = Worker(
            client,
            task_queue=task_queue,
            workflows=[Delivery],
            activities=[
                activities.first_attempt,
                activities.retry,
                activities.report_ended,
                activities.recorded_log,
                activities.cancel_workflow,
            ],
        )
        slow = Worker(client, task_queue=slow_lane(task_queue), activities=[activities.retry])
        for each in (worker, slow):
            await each.__aenter__()
            workers.append(each)
        event = EventInput(tenant_id="t1", id=event_id, type="loan.funded", data={"n": 1})
        delivery = DeliveryInput(
            event=event, happened_at=datetime.now(UTC), endpoint_id="ep_1", endpoint_version=1
        )
        return await client.start_workflow(
            Delivery.run,
            delivery,
            id=delivery_workflow_id("t1", "ep_1", event_id),
            task_queue=task_queue,
        )

    yield start
    for worker in workers:
        await worker.__aexit__(None, None, None)
