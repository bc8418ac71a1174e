"""A delivery that is cancelled at the moment at which its attempts end."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from support.fakes import DELIVERED, FakeEgress, FakeEndpoints, attempts, endpoint, failed
from support.stack import unique
from support.waiting import eventually
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import Worker

from hookwright.ids import delivery_workflow_id
from hookwright.models import DeliveryInput, DeliveryLog, EventInput
from hookwright.temporal import kept_log
from workflows.delivery import Delivery

RETRY = {"schedule_seconds": [0.1, 0.1]}


async def cancelled_as_its_retries_end(
    client: Client, answer: Callable[[int], Any], endpoints: FakeEndpoints
) -> WorkflowHandle[Any, DeliveryLog]:
    """Return a delivery that learns in one workflow task of the end of its retries, and to cancel.

    So it is when workers are behind, or one is killed, while an endpoint is deleted.
    """
    task_queue, event_id = unique("queue"), unique("evt")

    async def now() -> datetime:
        return datetime.now(UTC)

    egress = FakeEgress(answer, now)
    mine, others = (attempts(client, endpoints, egress) for _ in range(2))
    local = [mine.first_attempt, mine.report_ended, mine.recorded_log]

    def workflow_worker() -> Worker:
        return Worker(
            client,
            task_queue=task_queue,
            workflows=[Delivery],
            activities=local,
            no_remote_activities=True,
            max_cached_workflows=0,
        )

    event = EventInput(tenant_id="t1", id=event_id, type="loan.funded", data={"n": 1})
    async with workflow_worker():
        handle = await client.start_workflow(
            Delivery.run,
            DeliveryInput(
                event=event, happened_at=datetime.now(UTC), endpoint_id="ep_1", endpoint_version=1
            ),
            id=delivery_workflow_id("t1", "ep_1", event_id),
            task_queue=task_queue,
        )
        await has_event(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    async with Worker(client, task_queue=task_queue, activities=[others.retry]):
        await has_event(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
    await handle.cancel()
    async with workflow_worker():
        await has_ended(handle)
    return handle


async def has_event(handle: WorkflowHandle[Any, Any], kind: EventType.ValueType) -> None:
    async def kinds() -> list[int]:
        return [event.event_type for event in (await handle.fetch_history()).events]

    await eventually(kinds, lambda it: kind in it)


async def has_ended(handle: WorkflowHandle[Any, Any]) -> None:
    async def closed_at() -> datetime | None:
        return (await handle.describe()).close_time

    await eventually(closed_at)


async def test_what_was_delivered_is_told_so(client: Client) -> None:
    """A cancellation that comes with the success is too late: the receiver has the event."""
    handle = await cancelled_as_its_retries_end(
        client,
        lambda number: DELIVERED if number == 2 else failed(500),
        FakeEndpoints(endpoint(retry=RETRY)),
    )
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    log = await handle.result()
    assert [each.status_code for each in log.attempts] == [500, 200]


async def test_what_was_given_up_is_told_so(client: Client) -> None:
    """A cancellation that comes with the end of the schedule leaves it exhausted."""
    handle = await cancelled_as_its_retries_end(
        client, lambda _: failed(500), FakeEndpoints(endpoint(retry=RETRY))
    )
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "exhausted"


async def test_a_cancelled_delivery_tells_all_attempts(client: Client) -> None:
    """One that its activity found to be in vain is cancelled, and keeps the attempts made there."""
    endpoints = FakeEndpoints(endpoint(retry=RETRY))

    def answer(number: int) -> Any:
        if number == 2:
            endpoints.state = None
        return failed(500)

    handle = await cancelled_as_its_retries_end(client, answer, endpoints)
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, CancelledError)
    log = await kept_log(await handle.describe())
    assert [each.number for each in log.attempts] == [1, 2]
