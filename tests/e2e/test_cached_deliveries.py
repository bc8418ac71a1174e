"""What a worker keeps in memory of deliveries that wait."""

import asyncio
import gc

import pytest
from support.receiver import Receiver
from support.stack import CONTRACTS, LOOPBACK, Stack, api_client, api_config, unique
from support.waiting import eventually
from temporalio.client import Client

from runtime.worker import WorkerConfig, sdk_workers, worker
from workflows.delivery import Delivery

CACHED, WAITING = 4, 20


async def test_a_worker_keeps_few_deliveries(
    client: Client, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many deliveries that wait, only those in the cache take memory, and all are known."""
    monkeypatch.setattr(sdk_workers, "CACHED_DELIVERIES", CACHED)
    task_queue = unique("queue")
    gc.collect()
    others = in_memory()
    async with (
        api_client(client, api_config(task_queue)) as http,
        worker(client, WorkerConfig(task_queue, LOOPBACK, CONTRACTS)),
    ):
        service = await Stack(client, http, task_queue, "").with_new_tenant()
        endpoint = str((await service.add_endpoint(hooks.url))["id"])
        await service.http.post(f"{service.root}/endpoints/{endpoint}/pause")
        gc.disable()  # what is freed is what nothing refers to
        try:
            events = await asyncio.gather(*(service.publish() for _ in range(WAITING)))
            for event in events:
                await eventually(
                    lambda of=event["id"]: service.delivery(endpoint, of),
                    lambda it: it["state"] == "held",
                )

            async def kept() -> int:
                return in_memory() - others

            await eventually(kept, lambda number: number == CACHED)
        finally:
            gc.enable()


def in_memory() -> int:
    """Return how many deliveries this process has in memory."""
    return sum(isinstance(each, Delivery) for each in gc.get_objects())
