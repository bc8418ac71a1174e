"""The memory of `hookwright dev` as a whole: all its processes, idle and in an open flood."""

import asyncio
import os
import secrets
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import psutil

from bench.machine import Group, pss_mb, watched_memory
from bench.publishing import running_publisher
from bench.receiver import Receiver, running_receiver
from bench.site import CLI, ROOT
from bench.waiting import until
from runtime.dev import free_port, managed_process

IDLE_SECONDS = 10.0
"""How long it is left alone before it counts as idle: starting makes garbage."""

MOST_SAID = 1_000


@dataclass(frozen=True)
class DevMemory:
    """MB (of 10^6 bytes, PSS) of all processes together, and how many events the flood had."""

    idle: float
    flood: float
    processes: int
    events: int


async def dev_memory(events: int, connections: int) -> DevMemory:
    """Run `hookwright dev` with a new state folder, and measure it idle and in a flood."""
    key = f"hwk_bench_{secrets.token_urlsafe(32)}"
    port = free_port()
    options = {
        "--port": port,
        "--temporal-port": free_port(),
        "--ui-port": free_port(),
        "--listen-port": free_port(),
        "--api-key": key,
    }
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        options["--state-dir"] = f"{folder}/state"
        arguments = (str(word) for option in options.items() for word in option)
        command = [sys.executable, "-P", *CLI, "dev", *arguments]
        log = Path(folder) / "dev.log"
        output = stack.enter_context(log.open("w"))
        async with (
            managed_process("dev", command, _environment(), output) as dev,
            running_receiver(Receiver()) as receiver,
            running_publisher(receiver, port, key) as publisher,
        ):

            async def is_ready() -> bool:
                if dev.process.returncode is not None:
                    raise RuntimeError(f"`hookwright dev` has ended: {_last_words(log)}")
                return await publisher.answers("/readyz") is HTTPStatus.OK

            await until(is_ready)
            process = psutil.Process(dev.process.pid)
            group: dict[str, Group] = {"dev": [process]}
            await asyncio.sleep(IDLE_SECONDS)
            idle = pss_mb(group)["dev"]
            tenant = await publisher.add_tenant("flood", 1)
            ids = [f"flood-{number}" for number in range(events)]
            async with watched_memory(group) as watch:
                await publisher.flood(tenant, ids, connections)
            count = 1 + len(process.children(recursive=True))
            return DevMemory(idle, watch.highest()["dev"], count, events)


def _last_words(log: Path) -> str:
    return log.read_text(encoding="utf-8")[-MOST_SAID:]


def _environment() -> dict[str, str]:
    """Return this shell's environment without settings of Hookwright: `dev` has its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOOKWRIGHT_")}
    return {**kept, "PYTHONPATH": str(ROOT)}
