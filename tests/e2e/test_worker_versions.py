"""Workers with a build id: which build gets work, how that changes, and what the probe says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict
from support.receiver import Receiver, Reply
from support.stack import CONTRACTS, LOOPBACK, Stack, api_client, api_config, unique
from support.waiting import assert_eventually, eventually
from temporalio.client import Client

from activities.delivery import attempts
from hookwright.ids import tenant_workflow_id
from runtime.deployment import (
    deployment_name,
    log_routing,
    promote,
    routing_of,
    worker_version,
)
from runtime.errors import CommandError
from runtime.worker import WorkerConfig, worker

WAIT = 60.0


@asynccontextmanager
async def running_build(client: Client, task_queue: str, build: str | None) -> AsyncIterator[None]:
    """Run a worker of a build while the context lasts."""
    version = worker_version(task_queue, build)
    config = WorkerConfig(task_queue, LOOPBACK, CONTRACTS, version=version)
    async with worker(client, config):
        yield


async def build_of_tenant(service: Stack) -> str:
    """Change a tenant, and return the build of the worker that did it."""
    assert (await service.http.put(service.root, json={"name": unique("name")})).is_success
    tenant = service.client.get_workflow_handle(tenant_workflow_id(service.tenant))
    info = (await tenant.describe()).raw_description.workflow_execution_info
    return info.versioning_info.deployment_version.build_id


async def test_the_current_build_gets_all_work(client: Client, hooks: Receiver) -> None:
    """Entities and held deliveries go on in the build that is promoted, and go back with it."""
    task_queue = unique("queue.of")
    deployment = deployment_name(task_queue)
    async with (
        running_build(client, task_queue, "1.0"),
        api_client(client, api_config(task_queue)) as http,
    ):
        ready = await eventually(
            lambda: http.get("/readyz"), lambda it: "current build" in it.text, WAIT
        )
        assert ready.status_code == 503
        await promote(client, deployment, "1.0", 100, WAIT)
        await eventually(lambda: http.get("/readyz"), lambda it: it.is_success, WAIT)
        service = await Stack(client, http, task_queue, "").with_new_tenant()
        endpoint = await service.add_endpoint(hooks.url)
        path = f"{service.root}/endpoints/{endpoint['id']}"
        await http.post(f"{path}/pause")
        held = (await service.publish())["id"]
        await eventually(lambda: http.get(path), lambda it: it.json()["held"] == 1, WAIT)

        async with running_build(client, task_queue, "2.0"):
            await promote(client, deployment, "2.0", 30, WAIT)
            ramping = str(await routing_of(client, deployment))
            assert ramping == "build 1.0 is current, and build 2.0 gets 30% of the workflows"
            await promote(client, deployment, "2.0", 100, WAIT)
            await http.post(f"{path}/resume")
            await assert_eventually(lambda: hooks.ids() == [held], WAIT)
            await eventually(lambda: build_of_tenant(service), lambda it: it == "2.0", WAIT)
            await promote(client, deployment, "1.0", 100, WAIT)
            await eventually(lambda: build_of_tenant(service), lambda it: it == "1.0", WAIT)
        assert (await routing_of(client, deployment)).current == "1.0"


async def test_a_build_has_no_queue_that_ends_with_its_worker(
    client: Client, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver that takes long is waited for on a queue that the next build need not poll."""
    monkeypatch.setattr(attempts, "PATIENCE_SECONDS", (0.1, 0.1))
    task_queue, gate = unique("queue"), asyncio.Event()
    hooks.behave = lambda _: Reply(gate=gate)
    deployment = deployment_name(task_queue)
    async with api_client(client, api_config(task_queue)) as http:
        async with running_build(client, task_queue, "1.0"):
            await promote(client, deployment, "1.0", 100, WAIT)
            service = await Stack(client, http, task_queue, "").with_new_tenant()
            endpoint = await service.add_endpoint(hooks.url)
            event = await service.publish()
            await service.out_of_its_task(event["id"])
            gate.set()
            await eventually(
                lambda: service.delivery(endpoint["id"], event["id"]),
                lambda it: it["state"] == "delivered",
                WAIT,
            )
        async with running_build(client, task_queue, "2.0"):
            await promote(client, deployment, "2.0", 100, WAIT)
    assert hooks.ids() == [event["id"]]


async def test_a_build_that_gets_no_work_says_so(client: Client) -> None:
    """A worker whose build is not current logs the command; a build without workers is refused."""
    task_queue = unique("queue")
    deployment, version = deployment_name(task_queue), worker_version(task_queue, "3.0")
    assert version
    with capture_logs() as lines:
        await log_routing(client, version)
    [told] = _of_workers(lines)
    assert (told["event"], told["routing"]) == ("worker.not_current", "no build is current")
    assert told["remedy"] == "this worker gets no work until `hookwright promote 3.0`"
    with pytest.raises(
        CommandError, match=r"do workers with HOOKWRIGHT_WORKER_BUILD_ID=3\.0 run\?"
    ):
        await promote(client, deployment, "3.0", 100, wait_seconds=0)
    async with running_build(client, task_queue, "3.0"):
        await asyncio.gather(*(promote(client, deployment, "3.0", 100, WAIT) for _ in range(2)))
        with capture_logs() as lines:
            await log_routing(client, version)
    assert [line["event"] for line in _of_workers(lines)] == ["worker.version"]


def _of_workers(lines: list[EventDict]) -> list[EventDict]:
    """Return the lines about workers. Another worker of this process may log what it does."""
    return [line for line in lines if line["event"].startswith("worker.")]
