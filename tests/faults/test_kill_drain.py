"""kill -9 of the worker while an outage's deliveries are let go."""

from pathlib import Path

import pytest
from support.processes import api_on, worker_process
from support.receiver import Receiver
from support.stack import unique
from support.waiting import assert_eventually, eventually

from runtime.dev import EmbeddedServer, free_port

EVENTS = 40

pytestmark = pytest.mark.timeout(180)


async def test_worker_killed_during_a_drain(tmp_path: Path, hooks: Receiver) -> None:
    """All that was held arrives, in order; what was in flight may come late, and one twice."""
    server, task_queue = EmbeddedServer(tmp_path, free_port()), unique("queue")
    async with server.running(), api_on(server, task_queue) as api:
        async with worker_process(server.address, task_queue) as worker:
            service = await api.with_new_tenant()
            endpoint = await service.add_endpoint(hooks.url)
            path = f"{service.root}/endpoints/{endpoint['id']}"
            await service.http.post(f"{path}/pause")
            events = [(await service.publish())["id"] for _ in range(EVENTS)]

            async def held() -> int:
                return (await service.http.get(path)).json()["held"]

            await eventually(held, lambda number: number == EVENTS)
            await service.http.post(f"{path}/resume")
            await assert_eventually(lambda: len(hooks.requests) >= EVENTS // 4)
            worker.process.kill()
            await worker.process.wait()
            made = len(hooks.requests)
        async with worker_process(server.address, task_queue):
            await assert_eventually(lambda: {*hooks.ids()} == {*events}, within=90)
            await eventually(held, lambda number: number == 0, within=40)
    in_flight = events[made - 1 : made + 1]
    in_order = [each for each in dict.fromkeys(hooks.ids()) if each not in in_flight]
    assert in_order == [each for each in events if each not in in_flight]
    assert len(hooks.ids()) <= EVENTS + 1
