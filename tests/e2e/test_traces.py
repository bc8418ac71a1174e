"""Traces: what a real process sends to a collector of a publish, its attempts and their retries."""

import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest
import pytest_asyncio
from support.receiver import Receiver, Reply, answering
from support.serving import Serving, serving
from support.stack import OPERATOR_KEY, Stack
from support.traces import Collector, Span, collector
from support.waiting import assert_eventually, eventually
from temporalio.client import Client

from runtime.dev import EmbeddedServer, free_port

CALLER = "0af7651916cd43dd8448eb211c80319c"
CALLERS_SPAN = "b7ad6b7169203331"

pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True)
class Traced:
    """A `hookwright serve` that sends traces."""

    serving: Serving
    service: Stack
    collector: Collector

    async def spans(self, event_id: str, *names: str) -> list[Span]:
        """Wait until an event's spans have arrived; return those with these names, in order."""
        return await eventually(
            lambda: self._of(event_id), lambda spans: [span.name for span in spans] == [*names]
        )

    async def _of(self, event_id: str) -> list[Span]:
        return self.collector.of_event(event_id)


@pytest_asyncio.fixture(scope="module")
async def traced(
    tmp_path_factory: pytest.TempPathFactory, server: EmbeddedServer, client: Client
) -> AsyncIterator[Traced]:
    """One process for all tests of this file, with a collector of its own."""
    assert client
    environment = {
        "HOOKWRIGHT_WEBHOOK_HEADERS": "traceparent:traceparent,X-Attempt:attempt",
        "HOOKWRIGHT_LOG_LEVEL": "debug",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
    }
    folder = tmp_path_factory.mktemp("traced")
    async with (
        collector() as collecting,
        serving(
            folder, server.address, OTEL_EXPORTER_OTLP_ENDPOINT=collecting.url, **environment
        ) as it,
    ):
        yield Traced(it, await it.with_new_tenant(), collecting)


async def test_one_trace_of_sole_delivery(traced: Traced, hooks: Receiver) -> None:
    """Publish, first attempt and retries are one trace, which goes on with the caller's."""
    service = await traced.serving.with_new_tenant()
    hooks.behave = answering(500, 500, 200)
    endpoint = await service.add_endpoint(
        f"{hooks.url}/pa5th?to=k3n", retry={"schedule_seconds": [1, 1]}
    )
    answer = await service.http.post(
        f"{service.root}/events",
        json={"id": "evt_sole", "type": "loan.funded", "data": {"n": "5ecr3t"}},
        headers={"traceparent": f"00-{CALLER}-{CALLERS_SPAN}-01", "x-request-id": "req-1"},
    )
    publish, *attempts = await traced.spans("evt_sole", "publish event", *["attempt"] * 3)
    request = traced.collector.of_request("req-1")

    assert answer.headers["x-request-id"] == "req-1"
    assert request is not None
    assert request.name == "POST /v1/tenants/{tenant_id}/events"
    assert request.facts["http.response.status_code"] == HTTPStatus.ACCEPTED
    assert request.parent == CALLERS_SPAN
    assert publish.parent == request.id
    of_trace = [span.id for span in traced.collector.spans if span.trace_id == CALLER]
    assert of_trace == [span.id for span in (request, publish, *attempts)]
    assert {span.parent for span in attempts} == {publish.id}
    assert [span.facts["attempt"] for span in attempts] == [1, 2, 3]
    assert [span.facts["http.response.status_code"] for span in attempts] == [500, 500, 200]
    assert [span.sent.status.message for span in attempts] == ["http_error", "http_error", ""]
    assert attempts[0].facts["server.address"] == "127.0.0.1"
    assert attempts[0].facts["endpoint_id"] == endpoint["id"]
    assert attempts[0].resource["service.name"] == "hookwright"
    assert attempts[0].resource["deployment.environment"] == "test"
    assert [got.headers["traceparent"] for got in hooks.requests] == [
        span.traceparent for span in attempts
    ]
    assert [got.headers["x-attempt"] for got in hooks.requests] == ["1", "2", "3"]


async def test_one_trace_of_fan_out_and_manual_retry(traced: Traced, hooks: Receiver) -> None:
    """The attempts at two endpoints, and one that a person asks for, are in the publish's trace."""
    service = await traced.serving.with_new_tenant()
    hooks.behave = lambda got: Reply(
        500 if "/fails" in got.path and len(hooks.requests) < 3 else 200
    )
    endpoint = await service.add_endpoint(f"{hooks.url}/fails", retry={"schedule_seconds": []})
    await service.add_endpoint(hooks.url)
    event = await service.publish()
    await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda read: read.get("state") == "exhausted",
    )
    again = f"{service.root}/deliveries/{endpoint['id']}:{event['id']}/retry"
    assert (await service.http.post(again)).status_code == HTTPStatus.ACCEPTED
    names = ["publish event", "fan out", *["attempt"] * 3]
    publish, fan_out, *attempts = await traced.spans(event["id"], *names)

    assert fan_out.parent == publish.id
    assert fan_out.facts["deliveries"] == 2
    assert {span.trace_id for span in attempts} == {publish.trace_id}
    assert {span.parent for span in attempts} == {fan_out.id}
    assert [span.facts["trigger"] for span in attempts] == ["schedule", "schedule", "manual"]


async def test_operational_event_has_a_trace_of_its_own(traced: Traced, hooks: Receiver) -> None:
    """What an endpoint does by itself is in no request's trace, whoever created the endpoint."""
    service = await traced.serving.with_new_tenant()
    hooks.behave = lambda got: Reply(410 if "/gone" in got.path else 200)
    gone = await service.add_endpoint(f"{hooks.url}/gone")
    await service.add_endpoint(f"{hooks.url}/notices", event_types=["endpoint.disabled"])
    event = await service.publish()
    await assert_eventually(lambda: any("/notices" in got.path for got in hooks.requests))

    def notices() -> list[Span]:
        return [
            s for s in traced.collector.spans if s.facts.get("event_type") == "endpoint.disabled"
        ]

    await assert_eventually(lambda: any(span.name == "attempt" for span in notices()))
    [publish, attempt] = notices()
    assert not publish.parent
    assert attempt.trace_id == publish.trace_id
    assert publish.trace_id != traced.collector.of_event(event["id"])[0].trace_id
    assert gone


async def test_nothing_secret_is_sent(traced: Traced) -> None:
    """No span has a key, a signing secret, an event's data, or more of a URL than its host."""
    await assert_eventually(lambda: bool(traced.collector.spans))
    sent = b"".join(got.body for got in traced.collector.server.requests)

    for secret in (OPERATOR_KEY, "whsec_", "5ecr3t", "pa5th", "k3n"):
        assert secret.encode() not in sent


async def test_log_lines_name_request_and_trace(traced: Traced, hooks: Receiver) -> None:
    """Lines of a request have its id and its caller; those of an attempt have its trace."""
    service = await traced.serving.with_new_tenant()
    await service.add_endpoint(hooks.url)
    event = await service.publish()
    refused = await service.http.post(
        f"{service.root}/events", json={"type": "loan.funded", "data": {}, "endpoint_id": "none"}
    )
    publish, _ = await traced.spans(event["id"], "publish event", "attempt")
    await traced.serving.command.says(f'"event_id": "{event["id"]}".*delivery.attempted')
    lines = [
        json.loads(line)
        for line in traced.serving.command.output().splitlines()
        if line.startswith("{")
    ]
    of_event = {line["event"]: line for line in lines if line.get("event_id") == event["id"]}
    of_refusal = {
        line["event"]: line
        for line in lines
        if line.get("request_id") == refused.headers["x-request-id"]
    }

    assert of_event["delivery.attempted"]["trace_id"] == publish.trace_id
    assert of_event["event.accepted"]["trace_id"] == publish.trace_id
    assert of_event["event.accepted"]["caller"] == "operator:test"
    assert of_refusal["event.refused"]["faults"] == ["body.endpoint_id"]
    assert of_refusal["api.answered"]["status"] == HTTPStatus.UNPROCESSABLE_ENTITY
    assert refused.json()["request_id"] == refused.headers["x-request-id"]


async def test_collector_that_is_down_harms_nobody(
    tmp_path: Path, server: EmbeddedServer, client: Client, hooks: Receiver
) -> None:
    """Without a collector events arrive, the log says so once, and the end does not wait for it."""
    assert client
    away = f"http://127.0.0.1:{free_port()}"
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": away,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    }
    async with serving(tmp_path, server.address, **environment) as it:
        service = await it.with_new_tenant()
        await service.add_endpoint(hooks.url)
        await it.command.says("traces.not_sent")
        for _ in range(10):
            await service.publish()
        await assert_eventually(lambda: len(hooks.requests) == 10)
        assert await it.command.stop(signal.SIGTERM) == 0
    assert it.command.output().count("traces.not_sent") == 1
    assert "Traceback" not in it.command.output()
