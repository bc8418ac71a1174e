"""The time-skipping server, and a delivery on it."""

import sysconfig
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio
from support.fakes import Deliver, FakeEgress, FakeEndpoints, attempts
from support.stack import CODEC, unique
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from hookwright.ids import delivery_workflow_id, slow_lane
from hookwright.models import DeliveryInput, EventInput
from hookwright.temporal.codec import data_converter
from hookwright.temporal.search_attributes import SEARCH_ATTRIBUTES
from workflows.delivery import Delivery


@pytest_asyncio.fixture(scope="session")
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    """One time-skipping server for the whole run, with our search attributes."""
    binary = Path(sysconfig.get_path("scripts")) / "temporal-test-server"
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(binary), data_converter=data_converter(CODEC)
    ) as environment:
        types = {key.name: int(key.indexed_value_type) for key in SEARCH_ATTRIBUTES}
        await environment.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace="default", search_attributes=types)
        )
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
