"""Each alert fires in Prometheus's words when its cause is there, and not before."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

import httpx
import pytest
import pytest_asyncio
from support.metrics import SDK_METRICS, Prometheus, alerts
from support.promql import NAME, Evaluator, Scrape, parse
from support.receiver import Receiver, Reply
from support.stack import CODEC, Stack, api_client, api_config, stack, unique
from support.waiting import eventually
from temporalio.client import Client

from activities.shares import Limits, NoRoomError, Shares
from hookwright.models import EventInput
from hookwright.outcomes import Trigger
from hookwright.temporal import EncryptionCodec, connect, publish, set_up_namespace
from runtime.dev import EmbeddedServer, free_port
from runtime.metrics import Counting, MetricsAddress, Scraping
from runtime.worker.evictions import EmptyingRunner

ALERTS = alerts()
TASKS_FAILED = "temporal_workflow_task_execution_failed_total"
MINUTES = 4.0
"""How much later, for the rules, the second scrape is than the first."""


@dataclass(frozen=True)
class Watched:
    """A stack of its own on a server of its own, watched by a Prometheus."""

    it: Stack
    client: Client
    server_pid: int
    prometheus: Prometheus

    async def count(self, client: Client | None = None, task_queue: str | None = None) -> None:
        counting = Counting(client or self.client, task_queue or self.it.task_queue, 0.0)
        await counting.count()

    async def later(self) -> Scrape:
        return await self.prometheus.scrape(after_seconds=60 * MINUTES)


def firing(*scrapes: Scrape) -> set[str]:
    """Return the alerts whose expressions hold at the time of the last scrape."""
    evaluator = Evaluator([*scrapes], scrapes[-1].at)
    return {name for name, expression in ALERTS.items() if evaluator.holds(expression)}


def begun(before: Scrape, *after: Scrape) -> set[str]:
    """Return the alerts that hold now, and did not before."""
    return firing(before, *after) - firing(before)


@asynccontextmanager
async def reading(address: MetricsAddress) -> AsyncIterator[Prometheus]:
    async with httpx.AsyncClient(base_url=f"http://{address.host}:{address.port}") as http:
        yield Prometheus(http)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    """Yield a stack, its Temporal server, and a Prometheus that reads its metrics."""
    server = EmbeddedServer(tmp_path_factory.mktemp("temporal"), free_port())
    address = MetricsAddress("127.0.0.1", free_port())
    scraping = Scraping.at(address)
    [serving] = map(asyncio.create_task, scraping.parts().values())
    async with server.running() as temporal, reading(address) as prometheus:
        client = await connect(CODEC, target_host=server.address, **scraping.client_options)
        await set_up_namespace(client, timedelta(days=1))
        async with stack(client, EmptyingRunner()) as it:
            yield Watched(it, client, temporal.process.pid, prometheus)
    serving.cancel()
    await serving


async def test_quiet_when_all_is_well(watched: Watched, hooks: Receiver) -> None:
    """Deliveries that arrive fire nothing, and the figures are those of the installation."""
    endpoint = await watched.it.add_endpoint(hooks.url)
    at_first = await watched.prometheus.scrape()
    await watched.it.publish()
    before = await eventually(watched.prometheus.scrape, lambda it: delivered(it, at_first) == 1)
    await publish_all(watched.it, 5)
    await eventually(watched.prometheus.scrape, lambda it: delivered(it, before) == 5)
    await watched.it.http.post(f"{watched.it.root}/endpoints/{endpoint['id']}/pause")

    async def counted() -> Scrape:
        await watched.count()
        return await watched.later()

    after = await eventually(
        counted, lambda it: value(it, "hookwright_endpoints", status="paused") == 1
    )
    assert firing(before, after) == set()
    assert value(after, "hookwright_tenants") == 1
    assert value(after, "hookwright_endpoints", status="active") == 0
    assert value(after, "hookwright_deliveries", state="held") == 0
    assert value(after, "hookwright_posts_in_flight") == 0
    accepted = parse("increase(hookwright_events_accepted_total[5m])")
    assert [*Evaluator([before, after], after.at).vector(accepted).values()] == [5]
    of_tenants = {watched.it.tenant, endpoint["id"], "loan.funded", hooks.url}
    shown = {text for labels in after.values for _, text in labels}
    assert not [text for text in shown if any(each in text for each in of_tenants)]
    await watched.it.http.delete(f"{watched.it.root}/endpoints/{endpoint['id']}")


async def test_the_sdk_has_the_metrics_that_we_name(watched: Watched) -> None:
    """Metrics of Temporal's SDK that our files name are there, with those labels."""
    scrape = await watched.prometheus.scrape()
    present = {dict(labels)[NAME]: {label for label, _ in labels} for labels in scrape.values}
    for name, labels in SDK_METRICS.items():
        if name != TASKS_FAILED:  # `test_unreadable_payloads` looks for it
            assert labels <= present[name]


async def test_down() -> None:
    """A process that does not answer."""
    async with reading(MetricsAddress("127.0.0.1", free_port())) as prometheus:
        assert "HookwrightDown" in firing(await prometheus.scrape())


async def test_attempts_fail_and_endpoints_are_disabled(watched: Watched, hooks: Receiver) -> None:
    """Receivers that are gone: attempts fail, and a rule disables their endpoints."""
    hooks.behave = lambda _: Reply(410)
    await watched.it.add_endpoint(hooks.url)
    await watched.it.publish()
    # Prometheus sees the growth of a counter only from its first sample on.
    before = await eventually(watched.prometheus.scrape, lambda it: bool(failed(it)))
    await watched.it.add_endpoint(hooks.url)
    await watched.it.publish()

    async def fired() -> set[str]:
        await watched.count()
        return begun(before, await watched.later())

    await eventually(
        fired, lambda it: {"HookwrightAttemptsFail", "HookwrightEndpointsDisabled"} <= it
    )


async def test_unreadable_payloads(watched: Watched) -> None:
    """Events that a service has encrypted with a key of its own: their workflows cannot go on."""
    config = watched.client.service_client.config
    stranger = await connect(
        EncryptionCodec({"k9": bytes(32)}), target_host=config.target_host, runtime=config.runtime
    )

    async def publish_unreadable(event_id: str) -> None:
        event = EventInput(tenant_id=unique("t"), id=event_id, type="loan.funded", data=1)
        await publish(stranger, event, task_queue=watched.it.task_queue)

    async def fired() -> set[str]:
        return begun(before, await watched.later())

    await publish_unreadable("evt_1")
    before = await eventually(
        watched.prometheus.scrape, lambda it: bool(value(it, TASKS_FAILED, workflow_type="Event"))
    )
    await publish_unreadable("evt_2")
    await eventually(
        fired, lambda it: {"HookwrightPayloadsUnreadable", "HookwrightWorkflowTasksFail"} <= it
    )


async def test_tasks_wait(watched: Watched) -> None:
    """An event in a task queue that no worker polls."""
    queue = unique("queue")
    event = EventInput(tenant_id=watched.it.tenant, id="evt_w", type="loan.funded", data=1)
    await publish(watched.client, event, task_queue=queue)

    async def fired() -> set[str]:
        await watched.count(task_queue=queue)
        return firing(await watched.later())

    await eventually(fired, lambda it: "HookwrightTasksWait" in it)
    await watched.count()
    assert "HookwrightTasksWait" not in firing(await watched.later())


async def test_lists_refused(watched: Watched) -> None:
    """More lists at once than the API reads."""
    before = await watched.prometheus.scrape()
    paths = [f"{watched.it.root}/events"] * 30
    answers = await asyncio.gather(*map(watched.it.http.get, paths))
    assert HTTPStatus.SERVICE_UNAVAILABLE in {answer.status_code for answer in answers}
    assert "HookwrightListsRefused" in begun(before, await watched.later())


async def test_workers_full(watched: Watched) -> None:
    """Work that finds no room on its worker, as the shares of attempts count it."""
    before = await watched.prometheus.scrape()
    shares = Shares(Limits(endpoint=2, tenant=2, worker=1))
    with shares.take("t_1", "ep_1"), pytest.raises(NoRoomError):
        shares.take("t_2", "ep_2")
    assert "HookwrightWorkersFull" in begun(before, await watched.later())


async def test_publishes_slow(watched: Watched) -> None:
    """Temporal stands still for longer than a second, and then takes the events."""
    before = await watched.prometheus.scrape()
    os.kill(watched.server_pid, signal.SIGSTOP)
    publishing = asyncio.create_task(publish_all(watched.it, 2))
    try:
        await asyncio.wait([publishing], timeout=1.3)
    finally:
        os.kill(watched.server_pid, signal.SIGCONT)
    await publishing
    assert "HookwrightPublishesSlow" in begun(before, await watched.later())


async def test_temporal_away(watched: Watched) -> None:
    """Without Temporal publishes are answered 503, and nothing can be counted."""
    away = await connect(CODEC, target_host=f"127.0.0.1:{free_port()}", lazy=True)
    await watched.count()
    scrapes = []
    async with api_client(away, api_config(watched.it.task_queue)) as http:
        for _ in range(2):
            answer = await http.post(f"{watched.it.root}/events", json={"type": "a", "data": {}})
            assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            scrapes.append(await watched.prometheus.scrape())
    await watched.count(away)
    assert begun(scrapes[0], await watched.later()) == {
        "HookwrightPublishesFail",
        "HookwrightFiguresUnknown",
    }


def delivered(scrape: Scrape, since: Scrape) -> float:
    """Return how many attempts have delivered between two scrapes."""
    after, before = (
        value(each, "hookwright_attempt_seconds_count", outcome="delivered") or 0.0
        for each in (scrape, since)
    )
    return after - before


def failed(scrape: Scrape) -> float | None:
    return value(scrape, "hookwright_attempts_total", status_class="4xx", trigger=Trigger.SCHEDULE)


async def publish_all(it: Stack, events: int) -> None:
    await asyncio.gather(*(it.publish() for _ in range(events)))


def value(scrape: Scrape, name: str, **labels: str) -> float | None:
    """Return the value of a metric with these labels, or None."""
    wanted = {NAME: name, **labels}.items()
    return next((it for each, it in scrape.values.items() if wanted <= {*each}), None)
