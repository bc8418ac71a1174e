"""Temporal is slow, silent or away: the API says so in time, and what it has accepted arrives."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
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
    RESET,
    FaultProxy,
    fault_proxy,
)
from support.processes import api_on
from support.receiver import Receiver
from support.stack import (
    CODEC,
    CONTRACTS,
    LOOPBACK,
    Stack,
    api_client,
    api_config,
    stack,
    unique,
)
from support.waiting import assert_eventually, eventually
from temporalio.client import Client

from api.access import under_way
from hookwright.temporal import connect
from runtime.dev import EmbeddedServer, ManagedProcess, free_port
from runtime.worker import WorkerConfig, worker

EVENTS = 8
WITHIN_SECONDS = 25.0
"""Generous, for busy machines: `unit/api/test_answers_in_time.py` holds the bounds."""

SLOW = replace(LATENCY, name="slow", delay_seconds=0.8)
"""One call is answered in time, and the two of a publish are not: the event may be stored."""

pytestmark = pytest.mark.timeout(180)


@dataclass
class Behind:
    """API and worker before a Temporal that fails, and how publishes were answered."""

    service: Stack
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
        """Publish these events at once, and return with which statuses they were answered."""
        return {*await asyncio.gather(*map(self.publish, events))}

    async def repeat(self, events: list[str]) -> None:
        """Publish these events one after the other until each is taken."""
        for event in events:
            if self.answers[event] != 202:
                await eventually(lambda event=event: self.publish(event), lambda it: it == 202)

    async def read_and_change(self) -> list[httpx.Response]:
        """Ask other routes at once, each of which must answer in time."""
        http, root = self.service.http, self.service.root
        async with asyncio.timeout(WITHIN_SECONDS):
            return await asyncio.gather(
                http.get(f"{root}/events"),
                http.get(f"{root}/endpoints"),
                http.get(f"{root}/deliveries"),
                http.get(f"{root}/events/evt_unknown"),
                http.put(root, json={"name": "Changed"}),
                http.post(
                    f"{root}/endpoints", json={"url": "http://127.0.0.1:9/", "event_types": ["b"]}
                ),
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
    yield Behind(await shared_behind.with_new_tenant())
    await network.switch(PASS)


@pytest.mark.parametrize("mode", [SLOW, BLACKHOLE, RESET, HALF_OPEN], ids=lambda mode: mode.name)
async def test_every_request_is_answered(
    behind: Behind, network: FaultProxy, hooks: Receiver, mode
) -> None:
    """While Temporal is away requests get a 503 in time; each event arrives afterwards."""
    await behind.service.add_endpoint(hooks.url, event_types=["loan.funded"])
    events = [unique("evt") for _ in range(EVENTS)]
    await network.switch(mode)
    statuses, others = await asyncio.gather(behind.publish_all(events), behind.read_and_change())
    assert statuses == {503}
    assert all(it.status_code < 500 or it.status_code == 503 for it in others), others
    if mode is not SLOW:
        assert [answer.status_code for answer in others] == [503] * len(others)
        for answer in others[:-1]:  # the last one tells of each event of the batch
            is_taken_or_told(answer)
    await network.switch(PASS)
    await behind.repeat(events)
    await assert_eventually(lambda: {*hooks.ids()} == {*events}, within=60)


async def test_what_waits_is_bounded(
    network: FaultProxy, shared_behind: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a flood while Temporal is silent a bounded number waits; the rest is refused at once."""
    monkeypatch.setattr(under_way, "MAX_REQUESTS", 40)
    config = api_config(shared_behind.task_queue)
    async with (
        network.during(BLACKHOLE),
        api_client(shared_behind.client, config) as http,
        asyncio.timeout(WITHIN_SECONDS),
    ):
        body = {"type": "loan.funded", "data": {}}
        path = f"{shared_behind.root}/events"
        answers = await asyncio.gather(*(http.post(path, json=body) for _ in range(100)))
    for answer in answers:
        assert answer.status_code == 503
        is_taken_or_told(answer)
    reasons = Counter(answer.json()["detail"].partition(";")[0] for answer in answers)
    assert reasons["too many requests are under way at once"] == 85


async def test_a_server_that_is_throttled_and_stopped(tmp_path: Path, hooks: Receiver) -> None:
    """Beyond the rates of namespace and visibility, and stopped: 503, and nothing is lost."""
    server = EmbeddedServer(tmp_path, free_port())
    rates = (("frontend.namespaceRPS", "30"), ("frontend.namespaceRPS.visibility", "1"))
    throttled = replace(server, dynamic_config=rates)
    async with AsyncExitStack() as limited:
        await limited.enter_async_context(throttled.running())
        async with (
            api_on(server, unique("queue")) as api,
            worker(api.client, WorkerConfig(api.task_queue, LOOPBACK, CONTRACTS)),
        ):
            behind = Behind(await api.with_new_tenant())
            await behind.service.add_endpoint(hooks.url)
            # A publish has two calls, and is answered within 3 s: 30 a second and a burst of 60 are
            # not enough for so many.
            events = [unique("evt") for _ in range(120)]
            assert 503 in await behind.publish_all(events)
            lists = (api.http.get(f"{behind.service.root}/events") for _ in range(6))
            refused = [it for it in await asyncio.gather(*lists) if it.status_code != 200]
            assert refused
            for answer in refused:
                is_taken_or_told(answer)
            await limited.aclose()
            async with server.running() as temporal:
                events += await published_while_stopped(behind, temporal)
                await behind.repeat(events)
                await assert_eventually(lambda: {*hooks.ids()} == {*events}, within=60)


async def published_while_stopped(behind: Behind, temporal: ManagedProcess) -> list[str]:
    """Publish events while the server gets no processor time; see that each is a 503."""
    events = [unique("evt") for _ in range(EVENTS)]
    temporal.process.send_signal(signal.SIGSTOP)
    try:
        assert await behind.publish_all(events) == {503}
    finally:
        temporal.process.send_signal(signal.SIGCONT)
    return events
