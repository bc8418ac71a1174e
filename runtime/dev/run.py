"""`hookwright dev`: the whole product on one machine, in one process tree.

The parent only supervises; Temporal, the API, the worker and a receiver to try things with are
its children. They stop in the order that loses no work: the worker first, while the receivers that
it is talking to and the server that it reports to are still there.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
from temporalio.client import Client

from hookwright.temporal import set_up_namespace
from runtime.dev.embedded import EmbeddedServer, free_port
from runtime.dev.processes import ManagedProcess, ProcessDiedError, managed_process
from runtime.dev.state import DevKeys, opened_state
from runtime.dev.welcome import TENANT, DevAddresses, welcome
from runtime.errors import CommandError
from runtime.http import listening_socket
from runtime.keys import digest
from runtime.running import console, say
from runtime.settings import load_settings

LOOPBACK = "127.0.0.1"
LISTENER_PORT = 8100
READY_SECONDS = 60.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Dev:
    """What to run, and where."""

    port: int
    temporal_port: int
    ui_port: int
    listen_port: int | None
    state_dir: Path
    api_key: str | None
    strict_egress: bool

    async def run(self) -> None:
        """Run until told to stop.

        Raises:
            CommandError: it cannot start, or a part of it ended.
        """
        try:
            with opened_state(self.state_dir, self.api_key) as keys:
                self._check_ports()
                async with self._parts(keys) as parts:
                    await _until_one_ends(parts)
        except (ProcessDiedError, FileNotFoundError) as error:
            raise CommandError(f"{error}; everything is stopped") from error

    @asynccontextmanager
    async def _parts(self, keys: DevKeys) -> AsyncIterator[list[ManagedProcess]]:
        """Run all parts while the context lasts; they are ready when it is entered."""
        addresses = self._addresses(keys)
        environment = self._environment(keys)
        async with AsyncExitStack() as stack:
            stack.callback(say, f"Stopped. {self.state_dir} keeps everything for the next run.")
            try:
                parts = [await stack.enter_async_context(self._temporal(keys))]
                for name, command in self._commands(addresses):
                    part = managed_process(name, _hookwright(*command), environment)
                    parts.append(await stack.enter_async_context(part))
                await _ready(addresses.api, parts)
                welcome(addresses)
                yield parts
            finally:
                say("\nStopping: deliveries under way may end first; Ctrl-C again stops at once.")

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
        chosen = self.listen_port or _free_or_other(LISTENER_PORT)
        listener = None if self.strict_egress else chosen
        return DevAddresses(self.port, self.ui_port, listener, keys.operator_key, keys.tenant_key)

    @asynccontextmanager
    async def _temporal(self, keys: DevKeys) -> AsyncIterator[ManagedProcess]:
        """Run the server with its namespace set up. What it prints goes to a file."""
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
                # Not `connect()`: the terminal's own TEMPORAL_... settings are of other servers.
                client = await Client.connect(server.address)
                await set_up_namespace(client, retention)
            yield process

    def _commands(self, addresses: DevAddresses) -> list[tuple[str, list[str]]]:
        """Return the parts beside Temporal, in the order of their start."""
        parts = [("API", ["api", "--port", str(self.port)]), ("worker", ["worker"])]
        if addresses.listener_port is None:
            return parts
        return [("listener", ["listen", "--port", str(addresses.listener_port)]), *parts]

    def _environment(self, keys: DevKeys) -> dict[str, str]:
        """Return what the parts are told: ours over the terminal's, and no other server's."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")
        }
        egress = {
            "HOOKWRIGHT_EGRESS_ALLOW_HTTP": "true",
            "HOOKWRIGHT_EGRESS_ALLOW_CIDRS": "127.0.0.0/8,::1/128",
        }
        return {
            **inherited,
            **({} if self.strict_egress else egress),
            "TEMPORAL_ADDRESS": f"{LOOPBACK}:{self.temporal_port}",
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "HOOKWRIGHT_API_KEYS": f"dev:{digest(keys.operator_key)}",
            "HOOKWRIGHT_TENANT_KEYS": f"{TENANT}:{digest(keys.tenant_key)}",
            "HOOKWRIGHT_JWT_KEY": keys.jwt_key,
            "HOOKWRIGHT_FACADES": "all",
            "HOOKWRIGHT_ENCRYPTION_KEYS": keys.encryption_key,
            "HOOKWRIGHT_CODEC_TOKEN": keys.codec_token,
            "HOOKWRIGHT_UI_ORIGIN": f"http://localhost:{self.ui_port}",
        }


def _hookwright(*command: str) -> list[str]:
    """Return a command line of ours. `-P`: the working folder may hold modules of our names."""
    return [sys.executable, "-P", "-m", "runtime.cli", *command]


def _free_or_other(port: int) -> int:
    try:
        listening_socket(LOOPBACK, port).close()
    except CommandError:
        return free_port()
    return port


async def _ready(api_url: str, parts: list[ManagedProcess]) -> None:
    """Wait until the API says that it, Temporal and a worker are ready."""
    deadline = time.monotonic() + READY_SECONDS
    async with httpx.AsyncClient(base_url=api_url, trust_env=False) as http:
        while time.monotonic() < deadline:
            for part in parts:
                part.check_alive()
            try:
                if (await http.get("/readyz")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(POLL_SECONDS)
    raise CommandError(f"the API was not ready within {READY_SECONDS:g} s; everything is stopped")


async def _until_one_ends(parts: list[ManagedProcess]) -> None:
    await asyncio.gather(*(part.ended() for part in parts))
