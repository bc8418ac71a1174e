"""`hookwright serve`: the API and a worker in one real process."""

import asyncio
import signal
import socket
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.commands import Ended, hookwright
from support.processes import worker_process
from support.receiver import Receiver, Reply
from support.running import Running, running
from support.serving import serve_settings, serving, set_up
from support.stack import Stack, api_client, api_config, unique
from support.waiting import assert_eventually, eventually
from temporalio.client import Client

from runtime.dev import EmbeddedServer, free_port

PUBLISHERS = 8

pytestmark = pytest.mark.timeout(180)


async def test_delivers(
    tmp_path: Path, server: EmbeddedServer, client: Client, hooks: Receiver
) -> None:
    """An event that is published at it arrives, and it stops with status 0."""
    assert client
    async with serving(tmp_path, server.address) as it:
        service = await it.with_new_tenant()
        endpoint = await service.add_endpoint(hooks.url)
        event = await service.publish()
        delivery = await eventually(
            lambda: service.delivery(endpoint["id"], event["id"]),
            lambda read: read["state"] == "delivered",
        )
        assert await it.command.stop(signal.SIGTERM) == 0
    assert hooks.ids() == [event["id"]]
    assert delivery["attempts"][0]["status_code"] == HTTPStatus.OK
    assert "Traceback" not in it.command.output()


async def publish_until_gone(service: Stack, accepted: list[str]) -> None:
    """Publish as fast as it is accepted, until nobody answers."""
    while True:
        body = {"id": unique("evt"), "type": "loan.funded", "data": {}}
        try:
            answer = await service.http.post(f"{service.root}/events", json=body)
        except httpx.TransportError:
            return
        if answer.status_code == HTTPStatus.ACCEPTED:
            accepted.append(body["id"])


async def test_stops_under_load(tmp_path: Path, hooks: Receiver) -> None:
    """SIGTERM under load: it ends with status 0, and every accepted event arrives exactly once."""
    server, task_queue = EmbeddedServer(tmp_path, free_port()), unique("queue")
    accepted: list[str] = []
    async with server.running():
        await set_up(server.address)
        async with serving(tmp_path, server.address, task_queue) as it:
            service = await it.with_new_tenant()
            await service.add_endpoint(hooks.url)
            publishers = [
                asyncio.create_task(publish_until_gone(service, accepted))
                for _ in range(PUBLISHERS)
            ]
            await assert_eventually(lambda: len(hooks.requests) > PUBLISHERS, within=60)
            assert await it.command.stop(signal.SIGTERM) == 0
            await asyncio.gather(*publishers)
        async with worker_process(server.address, task_queue):
            await assert_eventually(lambda: {*accepted} <= {*hooks.ids()}, within=90)
    assert len(accepted) > PUBLISHERS
    assert len(hooks.ids()) == len({*hooks.ids()})


async def test_finishes_requests_before_attempts(
    tmp_path: Path, server: EmbeddedServer, client: Client, hooks: Receiver
) -> None:
    """After SIGTERM nobody can connect, while a POST in flight still ends and is recorded."""
    assert client
    held = asyncio.Event()
    hooks.behave = lambda _: Reply(gate=held)
    async with serving(tmp_path, server.address) as it:
        service = await it.with_new_tenant()
        endpoint = await service.add_endpoint(hooks.url)
        event = await service.publish()
        await assert_eventually(lambda: len(hooks.requests) == 1)
        it.command.process.send_signal(signal.SIGTERM)
        await it.command.says("worker.stopping")
        assert await it.status("/healthz") == 0
        held.set()
        assert await it.command.process.wait() == 0
    async with api_client(client, api_config(it.task_queue)) as http:
        after = replace(service, http=http)
        assert (await after.delivery(endpoint["id"], event["id"]))["state"] == "delivered"
    assert hooks.ids() == [event["id"]]


async def test_second_interrupt_stops_at_once(
    tmp_path: Path, server: EmbeddedServer, client: Client, hooks: Receiver
) -> None:
    """The second Ctrl-C does not wait for the POST that the first one waits for."""
    assert client
    hooks.behave = lambda _: Reply(gate=asyncio.Event())
    async with serving(tmp_path, server.address) as it:
        service = await it.with_new_tenant()
        await service.add_endpoint(hooks.url)
        await service.publish()
        await assert_eventually(lambda: len(hooks.requests) == 1)
        await interrupt_twice(it.command)


async def test_second_interrupt_of_a_worker(
    tmp_path: Path, server: EmbeddedServer, client: Client, hooks: Receiver
) -> None:
    """The same holds for `hookwright worker`."""
    hooks.behave = lambda _: Reply(gate=asyncio.Event())
    task_queue = unique("queue")
    settings = serve_settings(server.address, task_queue)
    async with (
        running("worker", folder=tmp_path, **settings) as it,
        api_client(client, api_config(task_queue)) as http,
    ):
        await it.says("worker.started")
        service = await Stack(client, http, task_queue, "").with_new_tenant()
        await service.add_endpoint(hooks.url)
        await service.publish()
        await assert_eventually(lambda: len(hooks.requests) == 1)
        await interrupt_twice(it)


async def interrupt_twice(command: Running) -> None:
    command.process.send_signal(signal.SIGINT)
    await command.says("worker.stopping")
    async with asyncio.timeout(5):
        assert await command.stop(signal.SIGINT) == 0


async def test_port_in_use(tmp_path: Path, server: EmbeddedServer) -> None:
    """A port in use is one sentence, and no worker starts."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        it = await hookwright(
            *("serve", "--port", str(port)),
            folder=tmp_path,
            **serve_settings(server.address, unique("queue")),
        )
    assert it == Ended(
        1,
        f"error: cannot listen on 127.0.0.1 port {port} (address already in use);"
        " choose another with --port\n",
    )


async def test_temporal_comes_later(tmp_path: Path, hooks: Receiver) -> None:
    """Before Temporal answers, the API says 503; then the same process becomes ready, delivers."""
    server = EmbeddedServer(tmp_path, free_port())
    metrics = f"127.0.0.1:{free_port()}"
    async with serving(tmp_path, server.address, HOOKWRIGHT_METRICS_ADDRESS=metrics) as it:
        await it.becomes("/healthz", HTTPStatus.OK)
        assert await it.status("/readyz") == HTTPStatus.SERVICE_UNAVAILABLE
        event = {"id": "early", "type": "loan.funded", "data": {}}
        refused = await it.http.post("/v1/tenants/acme/events", json=event)
        assert refused.status_code == HTTPStatus.SERVICE_UNAVAILABLE, refused.text
        async with server.running():
            await set_up(server.address)
            service = await it.with_new_tenant()
            await service.add_endpoint(hooks.url)
            accepted = await service.publish()
            await assert_eventually(lambda: hooks.ids() == [accepted["id"]])
            await assert_metrics_at(f"http://{metrics}/metrics")
            assert await it.status("/metrics") == HTTPStatus.NOT_FOUND
            assert await it.command.stop(signal.SIGTERM) == 0


async def assert_metrics_at(url: str) -> None:
    """One scrape has our own metrics, the process's and those of Temporal's SDK."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(url)
        elsewhere = await http.get(url.replace("/metrics", "/"))
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"hookwright_publish_seconds", "process_cpu_seconds", "temporal_request"} <= names
    assert elsewhere.status_code == HTTPStatus.NOT_FOUND


async def test_stops_while_it_waits_for_temporal(tmp_path: Path) -> None:
    """SIGTERM ends it with status 0 before Temporal has answered."""
    async with serving(tmp_path, f"127.0.0.1:{free_port()}") as it:
        await it.becomes("/healthz", HTTPStatus.OK)
        assert await it.command.stop(signal.SIGTERM) == 0
    assert "Traceback" not in it.command.output()


async def test_a_worker_that_cannot_run_stops_the_api(
    tmp_path: Path, server: EmbeddedServer
) -> None:
    """Without the namespace the worker fails: the whole process ends, and says what to run."""
    settings = serve_settings(server.address, unique("queue"))
    it = await hookwright(
        *("serve", "--port", str(free_port())),
        folder=tmp_path,
        **settings,
        TEMPORAL_NAMESPACE=unique("namespace"),
    )
    assert it.status == 1
    assert "did you run `hookwright setup`?" in it.output
    assert "Traceback" not in it.output
