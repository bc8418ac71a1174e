"""`hookwright serve` as a process, with an HTTP client of an operator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx

from hookwright.temporal import connect, set_up_namespace
from runtime.dev import free_port
from runtime.keys import digest
from support.running import Running, running
from support.stack import CODEC, KEY_RING, OPERATOR_KEY, Stack, unique
from support.waiting import eventually


@dataclass(frozen=True)
class Serving:
    """A `hookwright serve` that may still be starting."""

    command: Running
    http: httpx.AsyncClient
    address: str
    task_queue: str

    async def status(self, path: str) -> int:
        """Return the status of an answer, or 0 if there is none yet."""
        try:
            return (await self.http.get(path)).status_code
        except httpx.TransportError:
            return 0

    async def becomes(self, path: str, status: int, within: float = 60.0) -> None:
        """Wait until a path answers with this status."""
        await eventually(
            lambda: self.status(path), lambda answered: answered == status, within=within
        )

    async def with_new_tenant(self) -> Stack:
        """Wait until it is ready, and return it with a tenant."""
        await self.becomes("/readyz", HTTPStatus.OK)
        client = await connect(CODEC, target_host=self.address)
        return await Stack(client, self.http, self.task_queue, "").with_new_tenant()


async def set_up(address: str) -> None:
    """Do what `hookwright setup` does."""
    await set_up_namespace(await connect(CODEC, target_host=address), timedelta(days=1))


def serve_settings(address: str, task_queue: str) -> dict[str, str]:
    return {
        "TEMPORAL_ADDRESS": address,
        "HOOKWRIGHT_TASK_QUEUE": task_queue,
        "HOOKWRIGHT_ENCRYPTION_KEYS": KEY_RING,
        "HOOKWRIGHT_API_KEYS": f"test:{digest(OPERATOR_KEY)}",
        "HOOKWRIGHT_EGRESS_ALLOW_HTTP": "true",
        "HOOKWRIGHT_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
    }


@asynccontextmanager
async def serving(
    folder: Path, address: str, task_queue: str | None = None, **more: str
) -> AsyncIterator[Serving]:
    """Run `hookwright serve` against a Temporal server while the context lasts."""
    port, queue = free_port(), task_queue or unique("queue")
    async with (
        running(
            *("serve", "--port", str(port)),
            folder=folder,
            **(serve_settings(address, queue) | more),
        ) as command,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"authorization": f"Bearer {OPERATOR_KEY}"},
            timeout=30,
        ) as http,
    ):
        yield Serving(command, http, address, queue)
