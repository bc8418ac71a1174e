"""`hookwright dev`: it runs all of Hookwright on one machine, in two processes.

This process runs the API, a worker and a built-in receiver in one event loop; Python and its
libraries take some 90 MB in every process. Its one child is Temporal. The parts stop in an order
that loses no work: API and worker stop first, while the receiver and Temporal still run.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
from temporalio.client import Client

from hookwright.temporal import read_key_ring, set_up_namespace
from runtime.defaults import EGRESS_OF_DEV, KEYS_FILE
from runtime.dev.embedded import EmbeddedServer, free_port
from runtime.dev.listen import Listener
from runtime.dev.portal_link import portal_link
from runtime.dev.processes import ManagedProcess, ProcessDiedError
from runtime.dev.state import DevKeys, open_state
from runtime.dev.welcome import TENANT, DevAddresses, print_welcome
from runtime.errors import CommandError
from runtime.http import listening_socket, serve
from runtime.keys import digest
from runtime.keys.check import check_keys
from runtime.running import console, print_line
from runtime.settings import Settings, load_settings

LOOPBACK = "127.0.0.1"
LOCAL_HOSTS = ("localhost", LOOPBACK, "[::1]")
"""How this machine is named by those who may reach `dev`. A page that a browser shows may not: the
codec endpoint and the API's answers are for nobody else (DNS rebinding)."""
LISTENER_PORT = 8100
READY_SECONDS = 60.0
POLL_SECONDS = 0.1

Service = asyncio.Task[None]
"""The task of the API and the worker."""


@dataclass(frozen=True)
class Dev:
    """The options of `hookwright dev`, and what serves the API and runs a worker.

    The latter is passed in: other commands import this room, and do not need all that it imports.
    """

    serve: Callable[[Settings, str, int], Coroutine[None, None, None]]
    port: int
    temporal_port: int
    ui_port: int
    listen_port: int | None
    state_dir: Path
    api_key: str | None
    strict_egress: bool

    async def run(self) -> None:
        """Run everything until cancelled.

        Raises:
            CommandError: A part cannot start, or has ended by itself.
        """
        try:
            with open_state(self.state_dir, self.api_key) as keys:
                self._check_ports()
                async with self._parts(keys) as (temporal, service):
                    await _until_one_ends(temporal, service)
        except (ProcessDiedError, FileNotFoundError, httpx.HTTPError) as error:
            raise CommandError(f"{error}; everything is stopped") from error

    @asynccontextmanager
    async def _parts(self, keys: DevKeys) -> AsyncIterator[tuple[ManagedProcess, Service]]:
        """Run all parts while the context is open. They are ready when it is entered."""
        addresses = self._addresses(keys)
        async with AsyncExitStack() as stack:
            stack.callback(
                print_line, f"Stopped. Keys and deliveries are kept in {self.state_dir}."
            )
            try:
                temporal = await stack.enter_async_context(self._run_temporal(keys))
                if addresses.listener_port is not None:
                    await stack.enter_async_context(_running_listener(addresses.listener_port))
                self._set_environment(keys)
                service = await stack.enter_async_context(
                    _running(self.serve(load_settings(), LOOPBACK, self.port))
                )
                await _wait_until_ready(addresses.api, temporal, service)
                print_welcome(addresses, await portal_link(addresses))
                yield temporal, service
            finally:
                print_line("\nStopping after the attempts in progress. Ctrl-C again stops at once.")

    def _check_ports(self) -> None:
        for port, option in (
            (self.port, "--port"),
            (self.temporal_port, "--temporal-port"),
            (self.ui_port, "--ui-port"),
            (self.listen_port, "--listen-port"),
        ):
            if port is not None:
                listening_socket(LOOPBACK, port, option).close()

    def _addresses(self, keys: DevKeys) -> DevAddresses:
        chosen_port = self.listen_port or _port_or_free_port(LISTENER_PORT)
        listener_port = None if self.strict_egress else chosen_port
        return DevAddresses(
            self.port, self.ui_port, listener_port, keys.operator_key, keys.tenant_key
        )

    @asynccontextmanager
    async def _run_temporal(self, keys: DevKeys) -> AsyncIterator[ManagedProcess]:
        """Run the Temporal server and prepare its namespace. Its output goes to a file."""
        retention = timedelta(days=load_settings().retention_days)
        log = self.state_dir / "logs" / "temporal.log"
        log.parent.mkdir(exist_ok=True)
        server = EmbeddedServer(
            self.state_dir,
            self.temporal_port,
            self.ui_port,
            codec_endpoint=f"http://localhost:{self.port}/codec/{keys.codec_token}",
        )
        async with AsyncExitStack() as stack:
            output = stack.enter_context(log.open("a"))
            with console.status("Starting Temporal"):
                try:
                    process = await stack.enter_async_context(server.running(output))
                except (ProcessDiedError, TimeoutError) as error:
                    raise CommandError(f"Temporal did not start; {log} says why") from error
                # `connect()` would use the TEMPORAL_... settings of this shell, which may belong to
                # another server.
                client = await Client.connect(server.address)
                await set_up_namespace(client, retention)
                await self._check_keys(client, keys)
            yield process

    async def _check_keys(self, client: Client, keys: DevKeys) -> None:
        """Refuse a file of keys that is not that of the database.

        Raises:
            CommandError: The keys are wrong.
        """
        file = self.state_dir / KEYS_FILE
        try:
            key_ring = read_key_ring(keys.encryption_key)
        except ValueError as error:
            raise CommandError(f"{file}: encryption_key: {error}") from None
        await check_keys(client, key_ring, load_settings().task_queue, str(file))

    def _set_environment(self, keys: DevKeys) -> None:
        """Make this process's environment that of the API and the worker.

        It is this shell's environment without the settings of any other Temporal server, and with
        the settings of this `dev`.
        """
        for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
            del os.environ[name]
        if not self.strict_egress:
            os.environ |= EGRESS_OF_DEV
        os.environ |= {
            "TEMPORAL_ADDRESS": f"{LOOPBACK}:{self.temporal_port}",
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "HOOKWRIGHT_ALLOWED_HOSTS": ",".join([*LOCAL_HOSTS, *load_settings().allowed_hosts]),
            "HOOKWRIGHT_API_KEYS": f"dev:{digest(keys.operator_key)}",
            "HOOKWRIGHT_TENANT_KEYS": f"{TENANT}:{digest(keys.tenant_key)}",
            "HOOKWRIGHT_JWT_KEY": keys.jwt_key,
            "HOOKWRIGHT_FACADES": "all",
            "HOOKWRIGHT_ENCRYPTION_KEYS": keys.encryption_key,
            "HOOKWRIGHT_CODEC_TOKEN": keys.codec_token,
            "HOOKWRIGHT_UI_ORIGIN": f"http://localhost:{self.ui_port}",
        }


@asynccontextmanager
async def _running_listener(port: int) -> AsyncIterator[None]:
    """Run the built-in receiver while the context is open."""
    app = Listener(check=None, status=HTTPStatus.OK, delay_seconds=0.0).app()
    listener = listening_socket(LOOPBACK, port, "--listen-port")
    async with _running(serve(app, listener)):
        yield


@asynccontextmanager
async def _running(part: Coroutine[None, None, None]) -> AsyncIterator[Service]:
    """Run a part of this process while the context is open. Then cancel it, and wait for its end.

    A second Ctrl-C ends this wait, and then the process.
    """
    task = asyncio.create_task(part)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


def _port_or_free_port(port: int) -> int:
    """Return the port if it is free, or else another free port."""
    try:
        listening_socket(LOOPBACK, port).close()
    except CommandError:
        return free_port()
    return port


async def _wait_until_ready(api_url: str, temporal: ManagedProcess, service: Service) -> None:
    """Wait until the API says that it, Temporal and a worker are ready."""
    deadline = time.monotonic() + READY_SECONDS
    async with httpx.AsyncClient(base_url=api_url, trust_env=False) as http:
        while time.monotonic() < deadline:
            temporal.check_alive()
            if service.done():
                await service
            try:
                if (await http.get("/readyz")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(POLL_SECONDS)
    raise CommandError(f"the API was not ready within {READY_SECONDS:g} s; everything is stopped")


async def _until_one_ends(temporal: ManagedProcess, service: Service) -> None:
    """Wait until a part ends by itself, which is an error.

    Raises:
        CommandError: The API or the worker has failed.
        ProcessDiedError: Temporal has ended.
    """
    temporal_ends = asyncio.create_task(temporal.raise_when_ended())
    try:
        await asyncio.wait([temporal_ends, service], return_when=asyncio.FIRST_COMPLETED)
        await (service if service.done() else temporal_ends)
    finally:
        temporal_ends.cancel()
