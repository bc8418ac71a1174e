"""kill -9 in the middle of things: what was accepted arrives, at most twice, under one id."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from support.processes import api_on, worker_process
from support.receiver import Receiver, Reply
from support.stack import unique
from support.waiting import assert_eventually, eventually

from runtime.dev import EmbeddedServer, free_port

RECOVERY_SECONDS = 10.0

pytestmark = pytest.mark.timeout(180)


async def test_worker_killed_during_first_post(tmp_path: Path, hooks: Receiver) -> None:
    """Kill -9 of the worker in a first POST: 10 s after its restart the event is there."""
    await kill_worker_during_post(tmp_path, hooks, killed_at=1)


async def test_worker_killed_during_retry(tmp_path: Path, hooks: Receiver) -> None:
    """Kill -9 of the worker in a retry's POST: the same, and no step of the schedule is lost."""
    await kill_worker_during_post(tmp_path, hooks, killed_at=2)


async def kill_worker_during_post(tmp_path: Path, hooks: Receiver, killed_at: int) -> None:
    held = asyncio.Event()

    def behave(_: object) -> Reply:
        if len(hooks.requests) < killed_at:
            return Reply(500)
        return Reply(gate=held if len(hooks.requests) == killed_at else None)

    hooks.behave = behave
    server = EmbeddedServer(tmp_path, free_port())
    task_queue = unique("queue")
    async with server.running(), api_on(server, task_queue) as api:
        async with worker_process(server.address, task_queue) as worker:
            service = await api.with_new_tenant()
            endpoint = await service.add_endpoint(
                hooks.url, retry={"schedule_seconds": [0.1, 86_400]}
            )
            event = await service.publish()
            await assert_eventually(lambda: len(hooks.requests) == killed_at)
            worker.process.kill()
            await worker.process.wait()
        async with worker_process(server.address, task_queue):
            await assert_eventually(
                lambda: len(hooks.requests) > killed_at, within=RECOVERY_SECONDS
            )
            held.set()
            delivery = await eventually(
                lambda: service.delivery(endpoint["id"], event["id"]),
                lambda it: it["state"] == "delivered",
            )
    assert hooks.ids() == [event["id"]] * (killed_at + 1)
    assert [attempt["number"] for attempt in delivery["attempts"]] == list(range(1, killed_at + 1))


async def test_worker_killed_while_a_receiver_takes_long(tmp_path: Path, hooks: Receiver) -> None:
    """Kill -9 of a worker whose POST has left its workflow task: another one makes it again."""
    gate = asyncio.Event()
    hooks.behave = lambda _: Reply(gate=gate)
    server, task_queue = EmbeddedServer(tmp_path, free_port()), unique("queue")
    async with server.running(), api_on(server, task_queue) as api:
        async with worker_process(server.address, task_queue) as worker:
            service = await api.with_new_tenant()
            endpoint = await service.add_endpoint(hooks.url, timeout_seconds=60)
            event = await service.publish()
            await service.out_of_its_task(event["id"])
            worker.process.kill()
            await worker.process.wait()
        gate.set()
        async with worker_process(server.address, task_queue):
            shown = await eventually(
                lambda: service.delivery(endpoint["id"], event["id"]),
                lambda it: it["state"] == "delivered",
                within=60,
            )
    assert hooks.ids() == [event["id"]] * 2
    assert [attempt["number"] for attempt in shown["attempts"]] == [1]


async def test_server_killed_between_accept_and_deliver(tmp_path: Path, hooks: Receiver) -> None:
    """Kill -9 of Temporal after 202s and before any delivery: all arrive once it is back."""
    port, task_queue = free_port(), unique("queue")
    server = EmbeddedServer(tmp_path, port)
    async with AsyncExitStack() as stack:
        async with server.running() as temporal, api_on(server, task_queue) as api:
            async with worker_process(server.address, task_queue):
                service = await api.with_new_tenant()
                await service.add_endpoint(hooks.url)
            accepted = [(await service.publish())["id"] for _ in range(20)]
            temporal.process.kill()
            await temporal.process.wait()
        await stack.enter_async_context(worker_process(server.address, task_queue))
        await stack.enter_async_context(server.running())
        await assert_eventually(lambda: set(hooks.ids()) == set(accepted), within=RECOVERY_SECONDS)
    assert len(hooks.ids()) == len(accepted)


async def test_server_killed_under_a_running_worker(tmp_path: Path, hooks: Receiver) -> None:
    """Kill -9 of Temporal while events flow: every accepted one arrives, none more than twice."""
    port, task_queue = free_port(), unique("queue")
    server = EmbeddedServer(tmp_path, port)
    accepted = []
    async with AsyncExitStack() as stack:
        async with server.running() as temporal, api_on(server, task_queue) as api:
            await stack.enter_async_context(worker_process(server.address, task_queue))
            service = await api.with_new_tenant()
            await service.add_endpoint(hooks.url)
            for _ in range(20):
                accepted.append((await service.publish())["id"])  # noqa: PERF401 - kept so far
            temporal.process.kill()
            await temporal.process.wait()
        await stack.enter_async_context(server.running())
        await assert_eventually(
            lambda: set(hooks.ids()) == set(accepted), within=2 * RECOVERY_SECONDS
        )
    assert max(hooks.ids().count(each) for each in accepted) <= 2


async def test_sigterm_lets_posts_in_flight_end(tmp_path: Path, hooks: Receiver) -> None:
    """On SIGTERM the worker finishes its POST and records it: nothing is sent again."""
    held = asyncio.Event()
    hooks.behave = lambda _: Reply(gate=held)
    server, task_queue = EmbeddedServer(tmp_path, free_port()), unique("queue")
    async with server.running(), api_on(server, task_queue) as api:
        async with worker_process(server.address, task_queue) as worker:
            service = await api.with_new_tenant()
            endpoint = await service.add_endpoint(hooks.url)
            event = await service.publish()
            await assert_eventually(lambda: len(hooks.requests) == 1)
            worker.process.terminate()
            held.set()
            await worker.process.wait()
        delivery = await service.delivery(endpoint["id"], event["id"])
    assert delivery["state"] == "delivered"
    assert hooks.ids() == [event["id"]]


async def test_sigterm_lets_a_post_that_takes_long_end(tmp_path: Path, hooks: Receiver) -> None:
    """A POST that leaves its workflow task while the worker stops is finished and recorded."""
    gate = asyncio.Event()
    hooks.behave = lambda _: Reply(gate=gate)
    server, task_queue = EmbeddedServer(tmp_path, free_port()), unique("queue")
    async with server.running(), api_on(server, task_queue) as api:
        async with worker_process(server.address, task_queue) as worker:
            service = await api.with_new_tenant()
            endpoint = await service.add_endpoint(hooks.url)
            event = await service.publish()
            await assert_eventually(lambda: len(hooks.requests) == 1)
            worker.process.terminate()
            await service.out_of_its_task(event["id"])
            gate.set()
            await worker.process.wait()
        async with worker_process(server.address, task_queue):
            await eventually(
                lambda: service.delivery(endpoint["id"], event["id"]),
                lambda it: it["state"] == "delivered",
                within=60,
            )
    assert hooks.ids() == [event["id"]]
