"""Processes of the product that a test may kill."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import IO

from hookwright.temporal import connect, set_up_namespace
from runtime.dev import EmbeddedServer, ManagedProcess, managed_process
from support.stack import CODEC, KEY_RING, Stack, api_client, api_config

HOOKWRIGHT = [sys.executable, "-c", "from runtime.cli import app; app()"]


@asynccontextmanager
async def worker_process(
    address: str, task_queue: str, log: IO[str] | None = None, **variables: str
) -> AsyncIterator[ManagedProcess]:
    """Run `hookwright worker` against a server while the context lasts.

    `variables` are more of its environment.
    """
    environment = {
        **os.environ,
        "TEMPORAL_ADDRESS": address,
        "HOOKWRIGHT_TASK_QUEUE": task_queue,
        "HOOKWRIGHT_ENCRYPTION_KEYS": KEY_RING,
        "HOOKWRIGHT_EGRESS_ALLOW_HTTP": "true",
        "HOOKWRIGHT_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
        **variables,
    }
    async with managed_process("worker", [*HOOKWRIGHT, "worker"], environment, log) as process:
        yield process


@asynccontextmanager
async def api_on(server: EmbeddedServer, task_queue: str) -> AsyncIterator[Stack]:
    """Run the API, without a tenant yet, against a server while the context lasts."""
    client = await connect(CODEC, target_host=server.address)
    await set_up_namespace(client, timedelta(days=1))
    async with api_client(client, api_config(task_queue)) as http:
        yield Stack(client, http, task_queue, "")
