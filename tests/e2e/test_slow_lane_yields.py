"""The slow lane begins attempts when it has slots, and others' deliveries do not wait for it."""

import asyncio
from collections.abc import Callable

import pytest
from support.receiver import Receiver, Reply
from support.stack import CONTRACTS, LOOPBACK, Stack, api_client, api_config, unique
from support.waiting import assert_eventually
from temporalio.client import Client
from temporalio.worker import SlotPermit, SlotReserveContext

from activities.delivery.paces import FAILING_AFTER
from activities.slow_slots import SlowSlots
from activities.task_slots import TaskSlots
from runtime.worker import WorkerConfig, sdk_workers, worker

OTHERS = 10


async def test_the_slow_lane_waits_for_its_slots(
    client: Client, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing endpoint is not attempted until the lane has a slot; all others are meanwhile.

    The lane is told how long a delivery's task takes.
    """
    given, tasks = asyncio.Semaphore(0), list[Callable[[], float]]()

    class GivenSlots(SlowSlots):
        def __init__(self, seconds_of_a_task: Callable[[], float]) -> None:
            super().__init__(seconds_of_a_task)
            tasks.append(seconds_of_a_task)

        async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
            await given.acquire()
            return await super().reserve_slot(ctx)

    monkeypatch.setattr(sdk_workers, "SlowSlots", GivenSlots)
    hooks.behave = lambda it: Reply(500 if "fails" in it.path else 200)

    def posts(name: str) -> int:
        return sum(name in it.path for it in hooks.requests)

    task_queue = unique("queue")
    async with (
        api_client(client, api_config(task_queue)) as http,
        worker(client, WorkerConfig(task_queue, LOOPBACK, CONTRACTS)),
    ):
        failing = await Stack(client, http, task_queue, "").with_new_tenant()
        await failing.add_endpoint(f"{hooks.url}/fails", retry={"schedule_seconds": [0.1] * 9})
        await failing.publish()
        await assert_eventually(lambda: posts("fails") == FAILING_AFTER)
        other = await failing.with_new_tenant()
        await other.add_endpoint(f"{hooks.url}/takes")
        for _ in range(OTHERS):
            await other.publish()
        await assert_eventually(lambda: posts("takes") == OTHERS)
        assert posts("fails") == FAILING_AFTER
        assert 0 < tasks[0]() < 60
        assert getattr(tasks[0], "__func__", None) is TaskSlots.seconds_of_a_task
        for _ in range(10):
            given.release()
        await assert_eventually(lambda: posts("fails") > FAILING_AFTER)
