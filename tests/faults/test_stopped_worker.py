"""A worker that gets no CPU for longer than its tasks may take, and then goes on."""

import asyncio
import signal
from pathlib import Path

from support.processes import api_on, worker_process
from support.receiver import Receiver, Reply
from support.stack import unique
from support.waiting import assert_eventually, eventually

from hookwright.temporal import TASK_TIMEOUT
from runtime.dev import EmbeddedServer, free_port

EVENTS = 30


async def test_stopped_worker_sends_nothing_twice(tmp_path: Path, hooks: Receiver) -> None:
    """First attempts and retries that Temporal took for dead are joined, not made again."""
    gate = asyncio.Event()
    hooks.behave = lambda _: Reply(gate=gate)
    server, task_queue = EmbeddedServer(tmp_path, free_port()), unique("queue")
    async with (
        server.running(),
        api_on(server, task_queue) as api,
        worker_process(server.address, task_queue) as worker,
    ):
        service = await api.with_new_tenant()
        await service.add_endpoint(hooks.url, timeout_seconds=60)
        await asyncio.gather(*(service.publish(id=f"evt_{n}") for n in range(EVENTS)))
        await assert_eventually(lambda: len(hooks.requests) == EVENTS)
        worker.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(TASK_TIMEOUT.total_seconds() + 3)  # nothing to see: it is stopped
        worker.process.send_signal(signal.SIGCONT)
        gate.set()

        async def delivered() -> int:
            params = {"state": "delivered", "limit": 100}
            page = await service.http.get(f"{service.root}/deliveries", params=params)
            return len(page.json()["data"])

        await eventually(delivered, lambda number: number == EVENTS, within=60)
        assert len(hooks.requests) == EVENTS
