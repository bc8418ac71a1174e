"""The command line over the REST API, against a service that runs."""

import asyncio
import json
import signal
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from support.commands import hookwright
from support.listening import listening
from support.receiver import answering
from support.recoveries import failed_deliveries
from support.running import running
from support.stack import KEY_RING, OPERATOR_KEY, Stack
from support.tcp_server import tcp_server
from support.waiting import assert_eventually, eventually
from typer.testing import CliRunner

from runtime.cli import app
from runtime.cli.doctor import doctor
from runtime.dev import EmbeddedServer, Forward, Listener

Run = Callable[..., Any]


@pytest_asyncio.fixture
async def run(api_url: str) -> Run:
    """Run a command in this process, as an operator, and return what it printed."""
    environment = {"HOOKWRIGHT_URL": api_url, "HOOKWRIGHT_KEY": OPERATOR_KEY}

    async def run(*arguments: str, status: int = 0) -> str:
        done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=environment)
        assert done.exit_code == status, (arguments, done.output, done.exception)
        return done.output

    return run


async def test_tenants_and_tokens(run: Run, service: Stack) -> None:
    """An operator makes, changes, lists and deletes a tenant, and makes and revokes its tokens."""
    tenant = f"{service.tenant}_b"
    assert "is created" in await run("tenants", "create", tenant, "--name", "Bee")
    assert "exists" in await run("tenants", "create", tenant, status=1)
    assert "pro" in await run("tenants", "set", tenant, "--tier", "pro")
    assert json.loads(await run("tenants", "show", tenant, "--json"))["name"] == "Bee"
    await eventually(lambda: run("tenants", "list"), lambda it: tenant in it)
    made = json.loads(
        await run("tokens", "create", "-t", tenant, "--scope", "deliveries:read", "--json")
    )
    assert tenant in await run("tokens", "check", "--key", made["token"])
    assert "are refused" in await run("tokens", "revoke", "--tenant", tenant)
    assert "is deleted" in await run("tenants", "delete", tenant, "--yes")
    assert "no such tenant" in await run("tenants", "show", tenant, status=5)


async def test_a_delivery_from_end_to_end(run: Run, service: Stack, hooks) -> None:
    """An endpoint is registered, tried, paused and resumed; a delivery is seen and sent again."""
    of = ("--tenant", service.tenant)
    made = json.loads(await run("endpoints", "create", hooks.url, *of, "--json"))
    endpoint = made["id"]
    assert made["secret"].startswith("whsec_")
    assert "delivered" in await run("endpoints", "test", endpoint, *of)
    assert "is paused" in await run("pause", endpoint, *of)
    assert "evt_1 is accepted" in await run("publish", "a.b", '{"n": 1}', *of, "--id", "evt_1")
    assert "published before" in await run("publish", "a.b", '{"n": 1}', *of, "--id", "evt_1")
    delivery = f"{endpoint}:evt_1"
    await eventually(lambda: run("show", delivery, *of), lambda it: "held" in it)
    assert "is active" in await run("resume", endpoint, *of)
    await eventually(lambda: run("show", delivery, *of), lambda it: "request_body" in it)
    assert "is attempted now" in await run("retry", delivery, *of)
    await eventually(lambda: run("deliveries", "list", *of), lambda it: delivery in it)
    assert delivery in await run("events", "show", "evt_1", *of)
    assert hooks.url in await run("show", endpoint, *of)
    assert "paused" in await run("audit", endpoint, *of)
    assert "created" in await run("audit", *of)
    assert endpoint in await run("endpoints", "list", *of)
    assert "query.state" in await run("deliveries", "list", "--state", "nonsense", status=1)
    assert "need --tenant" in await run("deliveries", "list", "--endpoint", endpoint, status=1)
    assert "is deleted" in await run("endpoints", "delete", endpoint, *of, "--yes")


async def test_a_recovery_is_followed(run: Run, service: Stack, hooks) -> None:
    """`recover` shows the progress on the error output, and JSON has the result alone."""
    of = ("--tenant", service.tenant)
    endpoint = (await service.add_endpoint(hooks.url))["id"]
    shown = await run("recover", endpoint, *of, "--since", "1h")
    assert "is completed: 0 of 0 done" in shown
    rows = await eventually(
        lambda: run("recoveries", "list", *of, "--json"), lambda it: json.loads(it)["data"]
    )
    recovery = json.loads(rows)["data"][0]["id"]
    assert "completed" in await run("show", recovery, *of)
    assert "is completed" in await run("recoveries", "watch", recovery, *of)
    assert "(409 Conflict)" in await run("recoveries", "pause", recovery, *of, status=1)
    assert "write how long ago" in await run("recover", endpoint, *of, "--since", "soon", status=1)


async def test_what_waits_is_taken_back(run: Run, service: Stack, hooks) -> None:
    """A scheduled event and a held delivery are listed and cancelled; a repeat changes nothing."""
    of = ("--tenant", service.tenant)
    endpoint = (await service.add_endpoint(hooks.url))["id"]
    due = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    await service.publish(id="later", type="x.later", deliver_at=due)
    listed = ("events", "list", *of, "--type", "x.later")
    shown = await eventually(lambda: run(*listed), lambda it: "later" in it)
    assert "deliver at" in shown
    assert "There are no events." in await run(*listed, "--until", "1h")
    assert "The event later is cancelled." in await run("events", "cancel", "later", *of)
    await run("pause", endpoint, *of)
    await service.publish(id="held")
    delivery = f"{endpoint}:held"
    await eventually(lambda: run("show", delivery, *of), lambda it: "held" in it.split())
    for _ in range(2):
        assert f"{delivery} is cancelled." in await run("deliveries", "cancel", delivery, *of)
    await eventually(lambda: run("show", delivery, *of), lambda it: "cancelled" in it.split())
    assert hooks.requests == []


async def test_a_recovery_is_steered(run: Run, service: Stack, hooks) -> None:
    """A recovery is paused, resumed and cancelled; whoever watches it learns that by the status."""
    of = ("--tenant", service.tenant)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    hooks.behave = answering(500)
    events = [(await service.publish())["id"] for _ in range(3)]
    await failed_deliveries(service, endpoint, events)
    slowly = ("--since", "1h", "--rate", "0.1", "--no-wait")
    begun = json.loads(await run("recover", endpoint["id"], *of, *slowly, "--json"))
    recovery = begun["id"]
    assert "is paused." in await run("recoveries", "pause", recovery, *of)
    assert "is running." in await run("recoveries", "resume", recovery, *of)
    assert "is paused." in await run("pause", recovery, *of)
    assert "is running." in await run("resume", recovery, *of)
    assert "is cancelled." in await run("recoveries", "cancel", recovery, *of)
    assert "is cancelled: " in await run("recoveries", "watch", recovery, *of, status=1)


async def test_an_example_is_triggered(run: Run, service: Stack, hooks) -> None:
    """`trigger` publishes the catalogue's example, and says what to do if there is none."""
    of = ("--tenant", service.tenant)
    await service.add_endpoint(hooks.url)
    name = f"x.{service.tenant}"
    assert "no such event type" in await run("trigger", name, *of, status=5)
    await service.http.put(f"/v1/event-types/{name}", json={"description": "It"})
    assert "has no example" in await run("trigger", name, *of, status=1)
    await service.http.put(f"/v1/event-types/{name}", json={"example": {"n": 7}})
    assert "is accepted" in await run("trigger", name, *of)
    await assert_eventually(lambda: bool(hooks.requests))
    assert json.loads(hooks.requests[0].body)["data"] == {"n": 7}
    assert name in await run("event-types", "list", "--limit", "1000")
    assert json.loads(await run("event-types", "show", name, "--json"))["example"] == {"n": 7}


async def test_processes(api_url: str, service: Stack, hooks, tmp_path: Path) -> None:
    """Without a terminal: a narrow list, a live tail that Ctrl-C ends with 0, and a page."""
    endpoint = (await service.add_endpoint(hooks.url))["id"]
    of = {"HOOKWRIGHT_URL": api_url, "HOOKWRIGHT_KEY": OPERATOR_KEY}
    tail = ("tail", "--tenant", service.tenant, "--interval", "0.5", "--json")
    async with running(*tail, folder=tmp_path, **of) as it:
        await service.publish(id="evt_9")
        await it.says("evt_9")
        assert await it.stop(signal.SIGINT) == 0
        assert {json.loads(line)["event_id"] for line in it.output().splitlines()} == {"evt_9"}
    narrow = await hookwright(
        *("deliveries", "list", "--tenant", service.tenant), folder=tmp_path, COLUMNS="40", **of
    )
    first, *others = narrow.output.splitlines()
    assert first == f"{endpoint}:evt_9"
    assert max(map(len, others)) <= 40


async def test_doctor(server: EmbeddedServer, api_url: str, service: Stack, tmp_path: Path) -> None:
    """`doctor` finds all well beside a running service, and each fault with its remedy."""
    of = {
        "HOOKWRIGHT_URL": api_url,
        "HOOKWRIGHT_KEY": OPERATOR_KEY,
        "HOOKWRIGHT_ENCRYPTION_KEYS": KEY_RING,
        "HOOKWRIGHT_TASK_QUEUE": service.task_queue,
        "TEMPORAL_ADDRESS": server.address,
    }
    well = await hookwright("doctor", "--json", folder=tmp_path, **of)
    page = json.loads(well.output)
    assert (well.status, page["ok"]) == (0, True), well.output
    verdicts = {check["subject"]: check["verdict"] for check in page["checks"]}
    assert verdicts["workers"] == verdicts["clock of Temporal"] == verdicts["API key"] == "ok"
    wrong = of | {"HOOKWRIGHT_TASK_QUEUE": "nobody", "HOOKWRIGHT_KEY": "wrong"}
    ill = await hookwright("doctor", "--to", "https://10.0.0.1/", folder=tmp_path, **wrong)
    assert ill.status == 1
    for said in ("Nobody polls nobody", "does not accept the key", "receiver", "→ Start"):
        assert said in ill.output
    none = await hookwright("doctor", folder=tmp_path, HOOKWRIGHT_API_KEYS="x")
    assert none.status == 1
    assert "✗ settings" in none.output


async def test_doctor_is_interrupted(tmp_path: Path) -> None:
    """Ctrl-C ends it while an API does not answer: it waits 30 s for each answer."""
    asked = asyncio.Event()

    async def hang(*_: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with tcp_server(hang) as port, asyncio.timeout(25):
        of = {"HOOKWRIGHT_URL": f"http://127.0.0.1:{port}", "HOOKWRIGHT_KEY": OPERATOR_KEY}
        async with running("doctor", folder=tmp_path, **of, HOOKWRIGHT_API_KEYS="x") as it:
            await asked.wait()
            assert await it.stop(signal.SIGINT) == 130


def test_doctor_ends_the_process_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's threads may abort an interpreter that ends, and then the status says nothing."""
    left = []

    def leaving(main: Coroutine[None, None, None]) -> None:
        main.close()
        left.append(main)

    monkeypatch.setattr("runtime.running.run", leaving)
    doctor()
    assert len(left) == 1


async def test_listen_passes_on(hooks) -> None:
    """`listen --forward` passes on the body and headers as they came, and answers what it gets."""
    async with (
        listening(Listener(forward=Forward.to(hooks.url))) as served,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        url = f"http://127.0.0.1:{served.port}/x"
        answer = await http.post(url, content=b'{"n":  1}', headers={"webhook-id": "evt_1"})
        assert answer.status_code == 200
        [request] = hooks.requests
        assert request.body == b'{"n":  1}'
        assert request.headers["webhook-id"] == "evt_1"
    async with listening(Listener(forward=Forward.to("http://127.0.0.1:9"))) as served:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"http://127.0.0.1:{served.port}/x")
        assert answer.status_code == 502
        assert "cannot be reached" in answer.text
