"""kill -9 of the worker while an ordered queue gives its turns."""

import random
from pathlib import Path

import pytest
from support.processes import api_on, worker_process
from support.receiver import Received, Receiver, Reply
from support.stack import unique
from support.waiting import assert_eventually

from runtime.dev import EmbeddedServer, ManagedProcess, free_port

EVENTS = 60

pytestmark = pytest.mark.timeout(240)


async def killed(worker: ManagedProcess) -> None:
    worker.process.kill()
    await worker.process.wait()


async def test_workers_killed_while_events_go_in_order(tmp_path: Path, hooks: Receiver) -> None:
    """Nothing is lost or out of order; only what was in flight arrives twice."""
    chance, arrived, repeated = random.Random(7), list[str](), list[str]()

    def behave(request: Received) -> Reply:
        if chance.random() < 1 / 5:
            return Reply(503)
        known = request.webhook_id in arrived
        (repeated if known else arrived).append(request.webhook_id)
        return Reply()

    hooks.behave = behave
    server, task_queue = EmbeddedServer(tmp_path, free_port()), unique("queue")
    async with server.running(), api_on(server, task_queue) as api:
        async with worker_process(server.address, task_queue) as worker:
            service = await api.with_new_tenant()
            retry = {"schedule_seconds": [0.2] * 20}
            await service.add_endpoint(hooks.url, ordering="fifo", retry=retry)
            events = [(await service.publish())["id"] for _ in range(EVENTS)]
            await assert_eventually(lambda: len(arrived) >= EVENTS // 4, within=60)
            await killed(worker)
        async with worker_process(server.address, task_queue) as worker:
            await assert_eventually(lambda: len(arrived) >= EVENTS // 2, within=60)
            await killed(worker)
        async with worker_process(server.address, task_queue):
            await assert_eventually(lambda: len(arrived) >= EVENTS, within=90)
    assert arrived == events
    assert len(repeated) <= 2
