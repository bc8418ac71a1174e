"""The command line: real processes, as a newcomer and an operator run them."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest
from standardwebhooks import Webhook
from support.commands import BARE, HOOKWRIGHT, Ended, hookwright
from support.stack import unique
from support.waiting import assert_eventually, eventually

from hookwright.webhook import generate_secret
from runtime.dev import EmbeddedServer, free_port
from runtime.keys import new_encryption_key

SECRET = generate_secret()
FACADE_BODY = {
    "url": "https://your-app.com/webhooks/reflow",
    "events": ["loan.funded"],
    "secret": "your_webhook_secret",
}


@dataclass
class Running:
    """A command that runs until it is told to stop."""

    process: asyncio.subprocess.Process
    log: Path

    def output(self) -> str:
        return self.log.read_text()

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait until it has printed something."""

        async def found() -> re.Match[str] | None:
            assert self.process.returncode is None, self.output()
            return re.search(pattern, self.output())

        return await eventually(found, within=45)

    async def stop(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return await self.process.wait()


@asynccontextmanager
async def running(*arguments: str, folder: Path, **environment: str) -> AsyncIterator[Running]:
    """Run a command while the context lasts."""
    log = folder / f"{unique('log')}.txt"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *HOOKWRIGHT,
            *arguments,
            cwd=folder,
            env=BARE | environment,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        yield Running(process, log)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@dataclass(frozen=True)
class Dev:
    """A `hookwright dev` that is ready."""

    command: Running
    api_url: str

    @property
    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.command.process.pid).children(recursive=True)

    @property
    def curls(self) -> list[str]:
        return re.findall(r"^curl .+$", self.command.output(), re.MULTILINE)

    @property
    def tenant_keys(self) -> set[str]:
        return set(re.findall(r"\bsk_dev_\w+", self.command.output()))

    async def register(self, path: str, body: dict[str, object], key: str) -> httpx.Response:
        """Register a webhook at a facade."""
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {key}"}) as http:
            return await http.post(self.api_url + path, json=body)

    async def get(self, path: str) -> httpx.Response:
        """Ask the API with the operator key that it printed."""
        [key] = set(re.findall(r"\bhwk_\w+", self.command.output()))
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {key}"}) as http:
            return await http.get(self.api_url + path)


@asynccontextmanager
async def dev(folder: Path, *options: str) -> AsyncIterator[Dev]:
    """Run `hookwright dev` on free ports while the context lasts."""
    names = ("--port", "--temporal-port", "--ui-port", "--listen-port")
    ports = {name: str(free_port()) for name in names}
    flat = [argument for pair in ports.items() for argument in pair]
    async with running("dev", *flat, *options, folder=folder) as command:
        await command.says(r"Ctrl-C stops everything")
        yield Dev(command, f"http://localhost:{ports['--port']}")


async def shell(line: str) -> dict[str, object]:
    """Run a line as a person pastes it."""
    process = await asyncio.create_subprocess_shell(line, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output)


def gone(processes: list[psutil.Process]) -> Callable[[], bool]:
    return lambda: not any(process.is_running() for process in processes)


@pytest.mark.timeout(120)
async def test_dev_first_delivery_and_restart(tmp_path: Path) -> None:
    """The curl lines make a delivery; a restart keeps all, keys too; no process is left."""
    async with dev(tmp_path) as first:
        tenant, endpoint, event = [await shell(line) for line in first.curls]
        assert tenant["id"] == endpoint["tenant_id"] == "acme"
        await first.command.says(rf"webhook-id: {event['id']}")
        children = first.children
        assert len(children) == 4
        [tenant_key] = first.tenant_keys
        registered = await first.register("/v1/webhooks", FACADE_BODY, tenant_key)
        assert registered.status_code == 201, registered.text
        assert await first.command.stop(signal.SIGINT) == 0
        assert gone(children)()
    state = tmp_path / ".hookwright"
    assert oct(state.stat().st_mode) == "0o40700"
    assert oct((state / "keys.json").stat().st_mode) == "0o100600"
    async with dev(tmp_path) as second:
        root = "/v1/tenants/acme"
        kept = await second.get(f"{root}/endpoints/{endpoint['id']}")
        assert kept.json()["url"] == endpoint["url"]
        assert second.tenant_keys == {tenant_key}
        delivery = await second.get(f"{root}/deliveries/{endpoint['id']}:{event['id']}")
        assert delivery.json()["state"] == "delivered"
        again = await hookwright("dev", folder=tmp_path)
        assert again == Ended(
            1,
            "error: another `hookwright dev` is using .hookwright;"
            " stop it, or choose another --state-dir and other ports\n",
        )
        children = second.children
        await second.command.stop(signal.SIGKILL)
        await assert_eventually(gone(children))


@pytest.mark.timeout(120)
async def test_dev_publish_and_child_dies(tmp_path: Path) -> None:
    """`publish` finds the key of `dev`; when a part of `dev` dies, it stops the rest and fails."""
    async with dev(tmp_path, "--api-key", "hwk_fixed_0123456789abcdef") as it:
        assert "'Authorization: Bearer hwk_fixed_0123456789abcdef'" in it.curls[0]
        await shell(it.curls[0])
        url = ("--api-url", it.api_url)
        done = await hookwright(
            *("publish", "a.b", '{"n": 1}', "--id", "e1", "--tenant", "acme", *url), folder=tmp_path
        )
        assert done.status == 0, done.output
        assert json.loads(done.output)["id"] == "e1"
        refused = await hookwright("publish", "a.b", "--tenant", "nobody", *url, folder=tmp_path)
        assert refused == Ended(1, "error: 404: there is no such tenant\n")
        children = it.children
        [worker] = [child for child in children if child.cmdline()[-1] == "worker"]
        worker.kill()
        assert await it.command.process.wait() == 1
        assert "error: worker ended with status -9; everything is stopped" in it.command.output()
        assert gone(children)()


async def test_dev_port_in_use(tmp_path: Path, server: EmbeddedServer) -> None:
    """A port in use is one sentence, with the option that helps."""
    free = ["--port", str(free_port()), "--ui-port", str(free_port())]
    it = await hookwright("dev", "--temporal-port", str(server.port), *free, folder=tmp_path)
    assert it.status == 1
    assert it.output == (
        f"error: cannot listen on 127.0.0.1 port {server.port} (address already in use);"
        " choose another with --temporal-port\n"
    )


@pytest.mark.parametrize("service", ["api", "worker"])
async def test_no_encryption_key(service: str, tmp_path: Path) -> None:
    """Without an encryption key nothing starts, and the error says how to make one."""
    it = await hookwright(service, folder=tmp_path)
    assert it.status == 1
    assert it.output.startswith("error: HOOKWRIGHT_ENCRYPTION_KEYS is not set; make one with:")
    assert it.output.count("\n") == 1


async def test_invalid_settings_are_named(tmp_path: Path) -> None:
    """An invalid setting is named with its fault, and its value is not repeated."""
    wrong = {"HOOKWRIGHT_ENCRYPTION_KEYS": "k1:c2VjcmV0", "HOOKWRIGHT_API_KEYS": "hwk_a_secret"}
    it = await hookwright("worker", folder=tmp_path, **wrong)
    assert it.status == 1
    assert "HOOKWRIGHT_ENCRYPTION_KEYS: key k1: not 32 bytes in base64" in it.output
    assert "HOOKWRIGHT_API_KEYS: write it as name:value" in it.output
    assert "c2VjcmV0" not in it.output
    assert "hwk_a" not in it.output


async def test_unknown_facade(tmp_path: Path) -> None:
    """A facade that is none stops the API at start, and the error names those that there are."""
    it = await hookwright(
        *("api", "--port", str(free_port())),
        folder=tmp_path,
        HOOKWRIGHT_ENCRYPTION_KEYS=new_encryption_key(),
        HOOKWRIGHT_FACADES="reflow,nonesuch",
    )
    assert it.status == 1
    assert it.output.splitlines()[-1] == (
        "error: HOOKWRIGHT_FACADES: no such facade: nonesuch;"
        " there are: all, clearway, dossier, plain, reflow"
    )


async def test_setup_twice(tmp_path: Path, server: EmbeddedServer) -> None:
    """`setup` makes a namespace fit, and says so again when it is repeated."""
    where = {"TEMPORAL_ADDRESS": server.address, "TEMPORAL_NAMESPACE": unique("namespace")}
    first = await hookwright("setup", folder=tmp_path, **where)
    assert first.status == 0, first.output
    assert f"namespace {where['TEMPORAL_NAMESPACE']} registered" in first.output
    assert "search attributes added: TenantId, EndpointId, EventId, EventType" in first.output
    second = await hookwright("setup", folder=tmp_path, **where)
    assert second.status == 0, second.output
    assert "registered" not in second.output
    assert "none was missing" in second.output


async def test_worker_without_setup(tmp_path: Path, server: EmbeddedServer) -> None:
    """A worker on a namespace that is not there says what to run, with no traceback."""
    it = await hookwright(
        "worker",
        folder=tmp_path,
        TEMPORAL_ADDRESS=server.address,
        TEMPORAL_NAMESPACE=unique("namespace"),
        HOOKWRIGHT_ENCRYPTION_KEYS=new_encryption_key(),
    )
    assert it.status == 1
    assert "did `hookwright setup` run?" in it.output
    assert "Traceback" not in it.output


async def test_setup_without_temporal(tmp_path: Path) -> None:
    """Without a Temporal server `setup` gives up after the time it was given."""
    nowhere = {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}
    it = await hookwright("setup", "--wait", "0", folder=tmp_path, **nowhere)
    assert it.status == 1
    assert "error: Temporal did not answer within 0 s" in it.output


async def test_listen_verifies(tmp_path: Path) -> None:
    """`listen` accepts a stranger's good signature, and refuses an altered body and an old time."""
    port = free_port()
    body = '{"type":"invoice.paid"}'
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign("evt_1", now, body)
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": f"v1,bm90IHRoaXMgb25l {signature}",
    }
    old = headers | {"webhook-timestamp": str(int(now.timestamp()) - 301)}
    async with (
        running("listen", "--port", str(port), "--secret", SECRET, folder=tmp_path) as it,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        await it.says("Listening on")
        answers = [
            await http.post("/hooks", content=content, headers=given)
            for content, given in ((body, headers), (body + " ", headers), (body, old), (body, {}))
        ]
        assert [answer.status_code for answer in answers] == [200, 401, 401, 401]
        await it.says("signature verified")
        await it.says("does not match this secret and body")
        assert SECRET not in it.output()
        assert await it.stop(signal.SIGTERM) == 0


async def test_publish_prints_the_problem(tmp_path: Path) -> None:
    """`publish` exits 1 with the reason: not JSON, no key, nobody there."""
    nobody = f"http://127.0.0.1:{free_port()}"
    to_acme = ("--tenant", "acme", "--api-url", nobody)
    for arguments, reason in (
        (("invoice.paid", "{", *to_acme), "error: the data is not JSON"),
        (("invoice.paid", *to_acme), "error: no operator key: give --api-key"),
        (("invoice.paid", *to_acme, "--api-key", "hwk_a_b"), f"error: {nobody} cannot be reached"),
    ):
        it = await hookwright("publish", *arguments, folder=tmp_path)
        assert it.status == 1
        assert it.output.startswith(reason)
