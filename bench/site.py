"""A site is everything that runs during a measurement: a Temporal server and all processes."""

import base64
import hashlib
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import psutil
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from bench.machine import Group
from bench.publishing import Publisher, Tenant, running_publisher
from bench.receiver import Receiver, running_receiver
from bench.waiting import until
from hookwright.temporal import EncryptionCodec, connect, set_up_namespace
from runtime.dev import EmbeddedServer, free_port, managed_process

ROOT = Path(__file__).parent.parent
RETENTION = timedelta(days=1)

PORT = "{port}"
CLI = ("-m", "runtime.cli")
ONE_PROCESS: Mapping[str, Sequence[str]] = {"serve": (*CLI, "serve", "--port", PORT)}
TWO_PROCESSES: Mapping[str, Sequence[str]] = {
    "API": (*CLI, "api", "--port", PORT),
    "worker": (*CLI, "worker"),
}
"""Ways to run Hookwright: for each process its name, and Python's arguments."""

SERVER, BARE_WORKER, LEAN_WORKER, DRIVER = "server", "bare worker", "lean worker", "driver"


@dataclass(frozen=True)
class GivenServer:
    """A Temporal server that runs already.

    Without a namespace the site makes one of its own. With `pids` the server's processor time and
    memory are read, those of its database if its pid is given as well.
    """

    address: str
    namespace: str = ""
    pids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Site:
    """One server with Hookwright and the bare workers. This process is the driver.

    `run` stands in every name that a run makes, so that a given server can serve several runs.
    `launch` starts a process that has ended once more, by its name.
    """

    run: str
    client: Client
    publisher: Publisher
    database: Path | None
    server_version: str
    metrics_url: str | None
    hookwright: Sequence[str]
    lean_port: int
    processes: Mapping[str, Group]
    launch: Callable[[str], Awaitable[None]]
    tenants: dict[int, Tenant] = field(default_factory=dict)

    async def tenant(self, endpoints: int) -> Tenant:
        """Return the tenant with so many endpoints. All scenarios that need such a one share it."""
        if endpoints not in self.tenants:
            name = f"{self.run}-{endpoints}"
            self.tenants[endpoints] = await self.publisher.add_tenant(name, endpoints)
        return self.tenants[endpoints]

    @property
    def bare_queue(self) -> str:
        """The task queue of the newcomer's worker."""
        return f"bare-{self.run}"

    async def metrics(self) -> str | None:
        """Return the server's own metrics, if it is the embedded one."""
        if not self.metrics_url:
            return None
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(self.metrics_url)).raise_for_status().text


@dataclass(frozen=True)
class Keys:
    """The secrets of one site, which exist only as long as the site."""

    operator: str
    payload: bytes

    @classmethod
    def generate(cls) -> "Keys":
        """Return new keys."""
        return cls(f"hwk_bench_{secrets.token_urlsafe(32)}", secrets.token_bytes(32))

    def environment(self, server: GivenServer, run: str) -> dict[str, str]:
        """Return the environment of Hookwright's processes.

        The task queue is the run's own: on a given server another Hookwright may be at work.
        """
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TEMPORAL_ADDRESS": server.address,
            "TEMPORAL_NAMESPACE": server.namespace,
            "HOOKWRIGHT_TASK_QUEUE": f"hookwright-{run}",
            "HOOKWRIGHT_API_KEYS": f"bench:{hashlib.sha256(self.operator.encode()).hexdigest()}",
            "HOOKWRIGHT_ENCRYPTION_KEYS": f"k1:{base64.b64encode(self.payload).decode()}",
            "HOOKWRIGHT_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
            "HOOKWRIGHT_EGRESS_ALLOW_HTTP": "true",
        }


@asynccontextmanager
async def running_site(
    server: EmbeddedServer | GivenServer | None = None,
    hookwright: Mapping[str, Sequence[str]] = ONE_PROCESS,
    *,
    with_bare: bool = True,
) -> AsyncIterator[Site]:
    """Run a site while the context is open. Every process is ready when the context is entered.

    Without a server it is the embedded one, with a new database.
    """
    run, keys, port, lean_port = secrets.token_hex(3), Keys.generate(), free_port(), free_port()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = server or EmbeddedServer(folder, free_port())
        given, running = await _server(server, run, stack)
        overrides = {"target_host": given.address, "namespace": given.namespace}
        client = await connect(EncryptionCodec({"k1": keys.payload}), **overrides)
        await set_up(client)
        environment = keys.environment(given, run)
        bare = (given.address, given.namespace)
        bare_commands = {
            BARE_WORKER: ("-m", "bench.bare.worker", *bare, f"bare-{run}"),
            LEAN_WORKER: ("-m", "bench.bare.lean", *bare, f"lean-{run}", str(lean_port)),
        }
        commands = {**(bare_commands if with_bare else {}), **hookwright}

        async def launch(name: str) -> None:
            command = [sys.executable, "-P", *(each.format(port=port) for each in commands[name])]
            log = stack.enter_context((folder / f"{name}.log").open("a"))
            part = managed_process(name, command, environment, log)
            process = (await stack.enter_async_context(part)).process
            running[name] = [psutil.Process(process.pid)]

        for name in commands:
            await launch(name)
        receiver = await stack.enter_async_context(running_receiver(Receiver()))
        publisher = await stack.enter_async_context(
            running_publisher(receiver, port, keys.operator)
        )
        await until(lambda: _is_ready(publisher, running))
        running[DRIVER] = [_Alone()]
        yield Site(
            run=run,
            client=client,
            publisher=publisher,
            database=_database(server),
            server_version=await _server_version(client),
            metrics_url=_metrics_url(server, running),
            hookwright=tuple(hookwright),
            lean_port=lean_port,
            processes=running,
            launch=launch,
        )


async def _server(
    server: EmbeddedServer | GivenServer, run: str, stack: AsyncExitStack
) -> tuple[GivenServer, dict[str, Group]]:
    """Run the embedded server; return where the server is, and its processes if they are known."""
    if isinstance(server, GivenServer):
        group = {SERVER: [psutil.Process(pid) for pid in server.pids]} if server.pids else {}
        return replace(server, namespace=server.namespace or f"bench-{run}"), {**group}
    log = stack.enter_context((server.state_dir / "server.log").open("w"))
    process = (await stack.enter_async_context(server.running(log))).process
    return GivenServer(server.address, "default"), {SERVER: [psutil.Process(process.pid)]}


async def set_up(client: Client) -> None:
    """Prepare the namespace, and wait until all parts of the server know it."""

    async def is_known() -> bool:
        try:
            await set_up_namespace(client, RETENTION)
            await client.count_workflows()
        except RPCError:
            return False
        return True

    await until(is_known)


async def _is_ready(publisher: Publisher, running: Mapping[str, Group]) -> bool:
    for name, group in running.items():
        if not all(map(_is_alive, group)):
            raise RuntimeError(f"{name} has ended")
    return await publisher.answers("/readyz") is HTTPStatus.OK


def _is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _database(server: EmbeddedServer | GivenServer) -> Path | None:
    return server.state_dir / "temporal.db" if isinstance(server, EmbeddedServer) else None


def _metrics_url(server: EmbeddedServer | GivenServer, running: Mapping[str, Group]) -> str | None:
    """Return where the embedded server has its metrics: on the port of its command line."""
    if isinstance(server, GivenServer):
        return None
    command = running[SERVER][0].cmdline()
    return f"http://127.0.0.1:{command[command.index('--metrics-port') + 1]}/metrics"


async def _server_version(client: Client) -> str:
    system = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    return system.server_version


class _Alone(psutil.Process):
    """This process without its children, which are measured by themselves."""

    def children(self, recursive: bool = False) -> list[psutil.Process]:  # noqa: ARG002, FBT001, FBT002
        """Return nothing."""
        return []
