"""A recovery keeps what it has done, and goes on past what it cannot read."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.processes import worker_process
from support.receiver import Receiver, answering
from support.stack import CONTRACTS, KEY, LOOPBACK, Stack, api_client, api_config, unique
from support.waiting import assert_eventually, eventually
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from activities.recovery.recoveries import EDGE, Run
from hookwright.ids import event_workflow_id
from hookwright.models import EventInput, RecoveryInput, RecoveryProgress, RecoverySelection
from hookwright.temporal import TENANT_ID, EncryptionCodec, Place, Row, connect, publish
from runtime.dev import EmbeddedServer
from runtime.worker import WorkerConfig, worker

FAILED = 30


async def begin(service: Stack, endpoint: dict[str, Any], **fields: object) -> str:
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    body = {"since": hour_ago, "rate_per_second": 5, **fields}
    path = f"{service.root}/endpoints/{endpoint['id']}/recover"
    answer = await service.http.post(path, json=body)
    assert answer.status_code == 202, answer.text
    return f"{service.root}/recoveries/{answer.json()['id']}"


async def until(service: Stack, path: str, state: str, done: int = 0) -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        return (await service.http.get(path)).json()

    return await eventually(read, lambda it: it["state"] == state and it["done"] >= done, within=60)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("order", ["pause", "cancel"])
async def test_halting_after_a_kill_keeps_progress(
    server: EmbeddedServer, client: Client, hooks: Receiver, order: str
) -> None:
    """Paused or cancelled while its worker is dead, a recovery halts and keeps its progress."""
    task_queue = unique("queue")
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(api_client(client, api_config(task_queue)))
        async with worker_process(server.address, task_queue) as first:
            service = await Stack(client, http, task_queue, "").with_new_tenant()
            hooks.behave = answering(500)
            endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
            await asyncio.gather(*(service.publish() for _ in range(FAILED)))
            query = f"TenantId = '{service.tenant}' AND ExecutionStatus = 'Failed'"

            async def failed() -> int:
                return (await client.count_workflows(query)).count

            await eventually(failed, lambda number: number == FAILED, within=60)
            hooks.behave = answering(200)
            path = await begin(service, endpoint, status="failed")
            await until(service, path, "running", done=5)
            first.process.kill()
            await first.process.wait()
        await stack.enter_async_context(worker_process(server.address, task_queue))
        await http.post(f"{path}/{order}")  # 503 where the halt takes longer than a caller waits
        halted = await until(service, path, {"pause": "paused", "cancel": "cancelled"}[order])
        assert halted["done"] >= 5
        if order == "pause":
            await http.post(f"{path}/resume")
            assert (await until(service, path, "completed"))["done"] == FAILED


async def test_event_without_search_attribute_is_recovered(service: Stack, hooks: Receiver) -> None:
    """An event that was started with only some search attributes is found missing, and sent."""
    event = EventInput(tenant_id=service.tenant, id=unique("evt"), type="loan.funded", data={})
    await service.client.execute_workflow(
        "Event",
        event,
        id=event_workflow_id(service.tenant, event.id),
        task_queue=service.task_queue,
        search_attributes=TypedSearchAttributes([SearchAttributePair(TENANT_ID, service.tenant)]),
    )
    endpoint = await service.add_endpoint(hooks.url)
    path = await begin(service, endpoint, status="missing")
    assert (await until(service, path, "completed"))["done"] == 1
    await assert_eventually(lambda: hooks.ids() == [event.id])


async def test_unreadable_event_is_passed_over(
    server: EmbeddedServer, client: Client, hooks: Receiver
) -> None:
    """One event whose key is missing is counted as such; what comes after it is sent."""
    other_key, task_queue = bytes(range(1, 33)), unique("queue")
    both = await connect(EncryptionCodec({"k1": KEY, "k2": other_key}), target_host=server.address)
    other = await connect(EncryptionCodec({"k2": other_key}), target_host=server.address)
    async with api_client(client, api_config(task_queue)) as http:
        async with worker(both, WorkerConfig(task_queue, LOOPBACK, CONTRACTS)):
            service = await Stack(client, http, task_queue, "").with_new_tenant()
            event = EventInput(tenant_id=service.tenant, id="lost", type="a.b", data={})
            accepted = await publish(other, event, task_queue=task_queue)
            kept = await service.publish()
            for workflow_id in (accepted.id, event_workflow_id(service.tenant, kept["id"])):
                await client.get_workflow_handle(workflow_id).result()
        async with worker(client, WorkerConfig(task_queue, LOOPBACK, CONTRACTS)):
            endpoint = await service.add_endpoint(hooks.url)
            path = await begin(service, endpoint, status="missing")
            after = await until(service, path, "completed")
            assert (after["done"], after["unreadable"]) == (2, 1)
            await assert_eventually(lambda: hooks.ids() == [kept["id"]])


def test_the_edge_of_retention_is_not_missing() -> None:
    """An event whose delivery may have been deleted first is not taken for one that had none."""
    now = datetime.now(UTC)
    asked = RecoveryInput(
        tenant_id="t",
        endpoint_id="e",
        status=RecoverySelection.MISSING,
        since=now,
        until=now,
        per_second=1,
    )
    run = Run(asked, "id", RecoveryProgress(), retention=timedelta(days=1))

    def row(age: timedelta) -> Row:
        return Row("w", "Event", Place(0, "r"), WorkflowExecutionStatus.COMPLETED, now - age)

    moment = timedelta(minutes=1)
    assert run.remembers(row(timedelta(days=1) - EDGE - moment))
    assert not run.remembers(row(timedelta(days=1) - EDGE + moment))
