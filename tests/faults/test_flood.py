"""A flood: events as fast as they are accepted, and nothing fails."""

import asyncio
import os
import sys
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from support.processes import worker_process
from support.receiver import Receiver
from support.stack import Stack, api_client, api_config, unique
from support.waiting import assert_eventually, eventually
from temporalio.client import Client

from runtime.dev import EmbeddedServer, managed_process

pytestmark = pytest.mark.cluster

EVENTS = int(os.environ.get("FLOOD", "30"))
ENDPOINTS = 20
CONNECTIONS = 16
WORKERS = int(os.environ.get("FLOOD_WORKERS", "1"))
BUSY = [sys.executable, "-c", "while True: pass"]
WITHIN_SECONDS = 60 + EVENTS * ENDPOINTS / 2


@pytest.mark.timeout(120 + WITHIN_SECONDS)
async def test_flood_is_sent_once(server: EmbeddedServer, client: Client, hooks: Receiver) -> None:
    """Beside a process that takes a core, each delivery of a flood is POSTed exactly once."""
    task_queue = unique("queue")
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(api_client(client, api_config(task_queue)))
        for _ in range(WORKERS):
            await stack.enter_async_context(worker_process(server.address, task_queue))
        service = await Stack(client, http, task_queue, "").with_new_tenant()
        for _ in range(ENDPOINTS):
            await service.add_endpoint(hooks.url)
        await stack.enter_async_context(managed_process("busy", BUSY, os.environ))
        gate = asyncio.Semaphore(CONNECTIONS)

        async def publish(number: int) -> None:
            body = {"id": f"evt_{number}", "type": "loan.funded", "data": {}}

            async def answer() -> int:
                return (await service.http.post(f"{service.root}/events", json=body)).status_code

            async with gate:  # 503: not stored, to be published again
                await eventually(answer, lambda status: status == 202, within=WITHIN_SECONDS)

        await asyncio.gather(*map(publish, range(EVENTS)))
        wanted = EVENTS * ENDPOINTS
        await assert_eventually(lambda: len(hooks.requests) >= wanted, within=WITHIN_SECONDS)

        query = f"WorkflowType = 'Delivery' AND TenantId = '{service.tenant}'"

        async def completed() -> int:
            found = await client.count_workflows(f"{query} AND ExecutionStatus = 'Completed'")
            return found.count

        await eventually(completed, lambda number: number == wanted, within=WITHIN_SECONDS)
    assert set(Counter(hooks.ids()).values()) == {ENDPOINTS}
