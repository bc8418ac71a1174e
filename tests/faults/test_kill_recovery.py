"""kill -9 of everything while what an endpoint has not had is recovered.

500 take minutes: RECOVERED=500 pytest tests/faults/test_kill_recovery.py
"""

import asyncio
import os
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.processes import api_on, worker_process
from support.receiver import Receiver, answering
from support.stack import Stack, unique
from support.waiting import assert_eventually, eventually

from runtime.dev import EmbeddedServer, free_port

EVENTS = int(os.environ.get("RECOVERED", "100"))
PUBLISHERS = 10
IN_FLIGHT = 10
"""POSTs that may have been made, and not stored, when a process is killed."""

pytestmark = pytest.mark.timeout(400)


async def test_recoveries_survive_kills(tmp_path: Path, hooks: Receiver) -> None:
    """All failed and all missing arrive, once each, but for what was in flight at a kill."""
    server, task_queue = EmbeddedServer(tmp_path, free_port()), unique("queue")
    async with AsyncExitStack() as stack:
        async with server.running() as temporal:
            api = await stack.enter_async_context(api_on(server, task_queue))
            async with worker_process(server.address, task_queue) as worker:
                service = await api.with_new_tenant()
                failed = await fail_all(service, hooks)
                late = await service.add_endpoint(f"{hooks.url}/late")
                hooks.behave, hooks.requests = answering(200), []
                recoveries = [
                    await begin(service, failed, "failed"),
                    await begin(service, late, "missing"),
                ]
                await assert_eventually(lambda: len(hooks.requests) > EVENTS // 4, within=60)
                worker.process.kill()
                await worker.process.wait()
            await stack.enter_async_context(worker_process(server.address, task_queue))
            await assert_eventually(lambda: len(hooks.requests) > EVENTS, within=90)
            temporal.process.kill()
            await temporal.process.wait()
        await stack.enter_async_context(server.running())
        arrived: Counter[tuple[str, str]] = Counter()

        def count() -> int:
            arrived.clear()
            arrived.update((request.path, request.webhook_id) for request in hooks.requests)
            return len(arrived)

        await assert_eventually(lambda: count() == 2 * EVENTS, within=150)
        for recovery in recoveries:
            path = f"{service.root}/recoveries/{recovery['id']}"
            after = await eventually(
                lambda path=path: read(service, path),
                lambda it: it.get("delivered") == EVENTS and it["state"] == "completed",
                within=60,
            )
            assert (after["done"], after["failed"]) == (after["total"], 0)
    assert sum(arrived.values()) <= 2 * EVENTS + 2 * IN_FLIGHT


async def fail_all(service: Stack, hooks: Receiver) -> dict[str, Any]:
    """Publish all events to an endpoint that fails; return it once it has lost them all."""
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    left = iter(range(EVENTS))

    async def publish() -> None:
        for number in left:
            await service.publish(id=f"evt_{number}")

    await asyncio.gather(*(publish() for _ in range(PUBLISHERS)))

    await assert_eventually(lambda: len(hooks.requests) >= EVENTS, within=100)

    async def lost() -> int:
        query = f"TenantId = '{service.tenant}' AND ExecutionStatus = 'Failed'"
        return (await service.client.count_workflows(query)).count

    await eventually(lost, lambda number: number == EVENTS, within=100)
    return endpoint


async def begin(service: Stack, endpoint: dict[str, Any], status: str) -> dict[str, Any]:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    body = {"since": yesterday, "status": status, "rate_per_second": 20}
    path = f"{service.root}/endpoints/{endpoint['id']}/recover"
    answer = await service.http.post(path, json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def read(service: Stack, path: str) -> dict[str, Any]:
    return (await service.http.get(path)).json()
