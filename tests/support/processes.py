"""Processes of ours that a test may kill."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runtime.processes import ManagedProcess, managed_process
from support.stack import KEY_RING

HOOKWRIGHT = [sys.executable, "-c", "from runtime.cli import app; app()"]


@asynccontextmanager
async def worker_process(
    address: str, task_queue: str, log: object = None
) -> AsyncIterator[ManagedProcess]:
    """Run `hookwright worker` against a server while the context lasts."""
    environment = {
        **os.environ,
        "TEMPORAL_ADDRESS": address,
        "HOOKWRIGHT_TASK_QUEUE": task_queue,
        "HOOKWRIGHT_ENCRYPTION_KEYS": KEY_RING,
        "HOOKWRIGHT_EGRESS_ALLOW_HTTP": "true",
        "HOOKWRIGHT_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
    }
    async with managed_process("worker", [*HOOKWRIGHT, "worker"], environment, log) as process:
        yield process
