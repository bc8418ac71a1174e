"""The site of a run: API, workers, Temporal and receiver, each a process that may be ended."""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import httpx
from support.paths import REPOSITORY
from support.processes import HOOKWRIGHT
from support.stack import CODEC, KEY_RING, OPERATOR_KEY
from support.waiting import eventually

from bench.site import set_up
from hookwright.temporal import connect
from ledger.given_server import GivenServer
from ledger.names import DOMAIN, Mode, Names
from ledger.receiver import ATTEMPT_HEADER
from ledger.records import File
from ledger.world import World
from runtime.dev import EmbeddedServer, ManagedProcess, free_port, managed_process
from runtime.keys import digest

READY_SECONDS = 60.0
ENCRYPTION_KEYS = "HOOKWRIGHT_ENCRYPTION_KEYS"
TRY_LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Door(Protocol):
    """What the site's processes connect to: a server's own port, or a proxy before it."""

    port: int


@dataclass
class OpenDoor:
    """The server's own port."""

    port: int


Doors = Callable[[int], AbstractAsyncContextManager[Door]]
"""It makes a door to a server's port, which is there while the context is open."""


@asynccontextmanager
async def open_door(port: int) -> AsyncIterator[Door]:
    """Let clients connect straight to the server."""
    yield OpenDoor(port)


class Part:
    """A process of the site, which can be ended and begun again."""

    def __init__(
        self, name: str, life: Callable[[], AbstractAsyncContextManager[ManagedProcess]]
    ) -> None:
        self.name = name
        self._life = life
        self._stack = AsyncExitStack()
        self._managed: ManagedProcess | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process.

        Raises:
            ProcessDiedError: It has ended by itself, which no process of Hookwright should.
        """
        assert self._managed is not None, f"{self.name} does not run"
        self._managed.check_alive()
        return self._managed.process

    async def begin(self) -> None:
        """Start it."""
        self._managed = await self._stack.enter_async_context(self._life())

    async def end(self) -> None:
        """Stop it with SIGTERM, and wait until it has ended."""
        await self._stack.aclose()

    async def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        await self.end()

    def stop(self) -> None:
        """Let it have no processor time, as on a machine that is suspended."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self.process.send_signal(signal.SIGCONT)


@dataclass
class Site:
    """All that runs. The doors are what Hookwright connects to.

    `server` is how Temporal begins the next time, and `environment` how Hookwright's processes do.
    """

    world: World
    folder: Path
    http: httpx.AsyncClient
    temporal_door: Door
    receiver_door: Door
    names: Names
    server: EmbeddedServer | GivenServer
    namespace: str
    environment: dict[str, str]
    parts: dict[str, Part] = field(default_factory=dict)

    @property
    def workers(self) -> list[str]:
        """The names of the workers."""
        return [name for name in self.parts if name.startswith("worker")]

    async def begin_again(self, name: str) -> None:
        """End a part in good order, and begin it with the settings of now."""
        await self.parts[name].end()
        await self.parts[name].begin()

    async def ready(self) -> None:
        """Wait until API, Temporal and a worker are ready.

        Raises:
            ProcessDiedError: One of the processes has ended by itself.
        """

        async def is_ready() -> bool:
            for part in self.parts.values():
                assert part.process
            try:
                return (await self.http.get("/readyz")).is_success
            except httpx.TransportError:
                return False

        await eventually(is_ready, within=READY_SECONDS)

    async def register(self) -> None:
        """Register all tenants and endpoints, and write the world down with their ids."""
        for tenant in self.world.tenants:
            await self.call("PUT", f"/v1/tenants/{tenant}", json={"name": tenant})
        ids = {}
        for hook in self.world.hooks:
            path = f"/v1/tenants/{hook.tenant}/endpoints"
            headers = {"idempotency-key": hook.name}
            url = f"http://{hook.name}.{DOMAIN}:{self.receiver_door.port}"
            answer = await self.call("POST", path, json=hook.fields(url), headers=headers)
            ids[hook.name] = answer["id"]
        self.world = replace(self.world, endpoints=ids)
        self.world.write(self.folder / File.WORLD)

    async def call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Call the API. It is asked again while it does not answer, or answers 429 or 503."""

        async def ask() -> httpx.Response | None:
            try:
                return await self.http.request(method, path, **request)
            except httpx.TransportError:
                return None

        answer = await eventually(ask, _is_final, within=READY_SECONDS)
        assert answer is not None
        body: dict[str, Any] = answer.raise_for_status().json()
        return body


def _is_final(answer: httpx.Response | None) -> bool:
    return answer is not None and answer.status_code not in TRY_LATER


@asynccontextmanager
async def running_site(  # noqa: PLR0913 - what may differ between runs
    world: World,
    folder: Path,
    server: EmbeddedServer | GivenServer,
    workers: int = 1,
    temporal_doors: Doors = open_door,
    receiver_doors: Doors = open_door,
) -> AsyncIterator[Site]:
    """Run a site while the context is open. All is ready and registered when it is entered."""
    namespace = "default" if isinstance(server, EmbeddedServer) else _new_namespace()
    receiver_port, api_port = free_port(), free_port()
    world.write(folder / File.WORLD)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{api_port}",
                headers={"authorization": f"Bearer {OPERATOR_KEY}"},
                timeout=30,
                limits=httpx.Limits(max_connections=None),
                trust_env=False,
            )
        )
        site = Site(
            world,
            folder,
            http,
            await stack.enter_async_context(temporal_doors(server.port)),
            await stack.enter_async_context(receiver_doors(receiver_port)),
            Names(folder / File.NAMES),
            server,
            namespace,
            {},
        )
        site.environment.update(_environment(site.temporal_door.port, namespace))
        receiver = [sys.executable, "-m", "ledger.receiver", str(folder), str(receiver_port)]
        site.names.file.write_text(Mode.RIGHT)
        api = [*HOOKWRIGHT, "api", "--port", str(api_port)]
        worker = [sys.executable, "-m", "ledger.worker", str(site.names.file)]

        def process(name: str, command: list[str]) -> Part:
            log = stack.enter_context((folder / f"{name}.log").open("a"))
            return Part(name, lambda: managed_process(name, command, site.environment, log))

        server_log = stack.enter_context((folder / "temporal.log").open("a"))
        parts = [
            Part("temporal", lambda: site.server.running(server_log)),
            process("receiver", receiver),
            process("api", api),
            *(process(f"worker-{number + 1}", worker) for number in range(workers)),
        ]
        for part in parts:
            site.parts[part.name] = part
            await part.begin()
            stack.push_async_callback(part.end)
            if part.name == "temporal":
                await set_up(await connect(CODEC, target_host=server.address, namespace=namespace))
        await site.ready()
        await site.register()
        yield site


def _new_namespace() -> str:
    """Return a namespace for this run alone: a given server may keep what others left there."""
    return f"ledger-{secrets.token_hex(3)}"


def _environment(temporal_port: int, namespace: str) -> dict[str, str]:
    """Return the environment of all processes."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "tests"))),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{temporal_port}",
        "TEMPORAL_NAMESPACE": namespace,
        "HOOKWRIGHT_API_KEYS": f"test:{digest(OPERATOR_KEY)}",
        ENCRYPTION_KEYS: KEY_RING,
        "HOOKWRIGHT_EGRESS_ALLOW_HTTP": "true",
        "HOOKWRIGHT_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
        "HOOKWRIGHT_WEBHOOK_HEADERS": f"{ATTEMPT_HEADER}:attempt",
    }
