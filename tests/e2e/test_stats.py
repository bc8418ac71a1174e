"""Statistics say what the receiver counted, and can be read with every worker stopped."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.receiver import Received, Receiver, Reply
from support.stack import CONTRACTS, LOOPBACK, Stack, api_client, api_config, unique
from support.waiting import eventually
from temporalio.client import Client

from hookwright.health import ERROR_PERCENT
from runtime.worker import WorkerConfig, worker

OK, BROKEN, SILENT = "order.paid", "order.broken", "order.silent"


@asynccontextmanager
async def one_worker(service: Stack) -> AsyncIterator[None]:
    """Run one worker while the context lasts; it ends in good order."""
    async with worker(service.client, WorkerConfig(service.task_queue, LOOPBACK, CONTRACTS)):
        yield


async def delivered(service: Stack, endpoint: str, number: int, event_type: str) -> list[dict]:
    """Publish events and return their deliveries, once they have ended."""
    events = await asyncio.gather(*(service.publish(type=event_type) for _ in range(number)))
    return [
        await eventually(
            lambda of=event["id"]: service.delivery(endpoint, of), lambda it: it.get("ended_at")
        )
        for event in events
    ]


async def test_stats_are_what_the_receiver_counted(client: Client, hooks: Receiver) -> None:
    """Attempts by outcome are the receiver's, latencies the log's; both without a worker, too."""
    never = asyncio.Event()

    def behave(received: Received) -> Reply:
        if BROKEN.encode() in received.body:
            return Reply(500)
        return Reply(gate=never if SILENT.encode() in received.body else None)

    hooks.behave = behave
    task_queue = unique("queue")
    async with api_client(client, api_config(task_queue)) as http:
        service = Stack(client, http, task_queue, "")
        async with one_worker(service):
            service = await service.with_new_tenant()
            made = await service.add_endpoint(
                hooks.url, timeout_seconds=1, retry={"schedule_seconds": [0.1]}
            )
            endpoint = str(made["id"])
            log = await delivered(service, endpoint, 20, OK)
            log += await delivered(service, endpoint, 3, BROKEN)
            log += await delivered(service, endpoint, 2, SILENT)
            log += await delivered(service, endpoint, 5, OK)
        # The worker has reported its last tally; the next one lets the endpoint take it.
        url = f"{service.root}/endpoints/{endpoint}/stats"
        async with one_worker(service):
            counted = len(hooks.requests)
            stats = await eventually(
                lambda: read(service, url), lambda it: it["attempts"] == counted
            )
        assert await read(service, url) == stats
        day = await read(service, f"{url}?window_seconds=86400")
        totals = (await read(service, f"{service.root}/stats"))["deliveries"]
    seen = Counter(
        "http_error" if BROKEN.encode() in it.body else
        "timeout" if SILENT.encode() in it.body else "delivered"
        for it in hooks.requests
    )  # fmt: skip
    for each in (stats, day):
        assert each["outcomes"] == seen
        assert each["delivered"] == seen["delivered"] == 25
        assert each["failed"] == seen["http_error"] + seen["timeout"] == 10
        assert each["success_rate"] == round(25 / 35, 4)
        assert each["held"] == 0
    attempts = [attempt for delivery in log for attempt in delivery["attempts"]]
    assert len(attempts) == stats["attempts"]
    took = sorted(attempt["duration_ms"] for attempt in attempts)
    for share, shown in ((0.5, stats["latency_p50_ms"]), (0.95, stats["latency_p95_ms"])):
        true = max(1, took[math.ceil(share * len(took)) - 1])
        factor = 1 + ERROR_PERCENT / 100
        assert true / factor <= shown <= true * factor
    assert stats["latency_p95_ms"] > 800
    last = max(attempt["started_at"] for attempt in attempts if attempt["status_code"] == 200)
    assert stats["last_delivery_at"] >= last
    assert totals == {
        "pending": 0,
        "held": 0,
        "delivered": 25,
        "exhausted": 5,
        "expired": 0,
        "cancelled": 0,
    }


async def read(service: Stack, url: str) -> dict:
    answer = await service.http.get(url)
    assert answer.status_code == 200, answer.text
    return answer.json()
