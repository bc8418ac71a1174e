"""Temporal is slow, silent or away: the API says so in time, and what it has accepted arrives."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from support.fault_proxy import (
    BLACKHOLE,
    HALF_OPEN,
    LATENCY,
    PASS,
    REFUSE,
    RESET,
    TRICKLE,
    FaultProxy,
    fault_proxy,
)
from support.processes import api_on
from support.receiver import Receiver
from support.stack import CODEC, Stack, api_client, api_config, stack, unique
from support.waiting import assert_eventually, eventually
from temporalio.client import Client

from api.access import under_way
from hookwright.temporal import connect
from runtime.dev import EmbeddedServer, free_port
from runtime.worker import WorkerConfig, worker

EVENTS = 8
WITHIN_SECONDS = 6.0
"""A publish is answered within 3 s; a busy machine has as much again."""

READ_WITHIN_SECONDS = 25.0

SLOW = replace(LATENCY, name="slow", delay_seconds=1.5)
"""A call takes 3 s: longer than a publish may, so an event is stored and its publisher told 503."""

pytestmark = pytest.mark.timeout(180)


@dataclass
class Behind:
    """API and worker behind a proxy, and how publishes were answered."""

    service: Stack
    proxy: FaultProxy
    answers: dict[str, int] = field(default_factory=dict)

    async def publish(self, event: str) -> int:
        """Publish an event; see that it is answered in time, and as it should be."""
        body = {"id": event, "type": "loan.funded", "data": {}}
        async with asyncio.timeout(WITHIN_SECONDS):
            answer = await self.service.http.post(f"{self.service.root}/events", json=body)
        is_taken_or_told(answer)
        if answer.status_code != 202:
            assert answer.json()["event_id"] == event
        self.answers[event] = answer.status_code
        return answer.status_code

    async def publish_all(self, events: list[str]) -> set[int]:
        return {*await asyncio.gather(*map(self.publish, events))}

    async def read_and_change(self) -> list[httpx.Response]:
        """Ask other routes at once, each of which must answer in time."""
        http, root = self.service.http, self.service.root
        async with asyncio.timeout(READ_WITHIN_SECONDS):
            return await asyncio.gather(
                http.get(f"{root}/events"),
                http.get(f"{root}/endpoints"),
                http.get(f"{root}/deliveries"),
                http.get(f"{root}/events/evt_unknown"),
                http.put(root, json={"name": "Changed"}),
                http.post(f"{root}/endpoints", json={"url": "http://127.0.0.1:9/"}),
                http.post(f"{root}/events/batch", json={"events": [{"type": "a", "data": 1}] * 3}),
            )


def is_taken_or_told(answer: httpx.Response) -> None:
    """Check that it is a 202, or a 503 that says when to come back, as a problem."""
    if answer.status_code == 202:
        return
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) <= 3
    assert answer.headers["content-type"] == "application/problem+json"


@pytest_asyncio.fixture(scope="module")
async def network(server: EmbeddedServer, client: Client) -> AsyncIterator[FaultProxy]:
    """A proxy before the Temporal of all tests."""
    assert client
    async with fault_proxy(server.port) as it:
        yield it


@pytest_asyncio.fixture(scope="module")
async def shared_behind(network: FaultProxy) -> AsyncIterator[Stack]:
    """API and worker that reach Temporal through the proxy only."""
    through = await connect(CODEC, target_host=network.address)
    async with stack(through) as it:
        yield it
        await network.switch(PASS)


@pytest_asyncio.fixture
async def behind(shared_behind: Stack, network: FaultProxy) -> AsyncIterator[Behind]:
    """The same, with a tenant of this test's own, on a network that is well."""
    yield Behind(await shared_behind.with_new_tenant(), network)
    await network.switch(PASS)


@pytest.mark.parametrize(
    "mode",
    [LATENCY, SLOW, TRICKLE, BLACKHOLE, RESET, REFUSE, HALF_OPEN],
    ids=lambda mode: mode.name,
)
async def test_every_request_is_answered(behind: Behind, hooks: Receiver, mode) -> None:
    """A publish is a 202 or a 503 in time, and so is all else; each event arrives afterwards."""
    await behind.service.add_endpoint(hooks.url)
    events = [unique("evt") for _ in range(EVENTS)]
    await behind.proxy.switch(mode)
    statuses = await behind.publish_all(events)
    others = await behind.read_and_change()
    assert statuses == ({202} if mode is LATENCY else {503})
    if mode is not LATENCY:
        assert [answer.status_code for answer in others] == [503] * len(others)
        for answer in others[:-1]:  # the last one tells of each event of the batch
            is_taken_or_told(answer)
    if mode is HALF_OPEN:  # at last, the system gives the old connections up
        await behind.proxy.switch(RESET)
    await behind.proxy.switch(PASS)
    for event in events:
        await eventually(lambda event=event: behind.publish(event), lambda it: it == 202)
    await assert_eventually(lambda: {*hooks.ids()} >= {*events}, within=60)
    assert {*hooks.ids()} == {*events}, "a batch without a 202 was stored"
