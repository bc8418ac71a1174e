"""What is recorded, and under which labels."""

from collections import Counter
from collections.abc import AsyncIterator
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp
from temporalio.api.common.v1 import Payload
from temporalio.converter import WorkflowSerializationContext

from api.access import CallKind, PublishMetrics
from hookwright import metrics
from hookwright.metrics import REGISTRY
from hookwright.outcomes import Outcome, Trigger
from hookwright.temporal import UNREADABLE, EncryptionCodec

OLD, NEW = bytes(range(32)), bytes(32)
CODEC = EncryptionCodec({"k1": OLD})
CLEAR = Payload(metadata={"encoding": b"json/plain"}, data=b"1")


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def codec_failures() -> dict[str, float]:
    reasons = ("missing_key", "altered", "misplaced", "clear")
    return {it: value("hookwright_codec_failures_total", reason=it) or 0.0 for it in reasons}


@pytest.mark.parametrize(
    ("codec", "payload", "reason"),
    [
        (CODEC, "sealed", None),
        (CODEC, "clear", None),
        (EncryptionCodec({"k2": OLD}), "sealed", "missing_key"),
        (EncryptionCodec({"k1": NEW}), "sealed", "altered"),
        (CODEC.with_context(WorkflowSerializationContext("ns", "b")), "bound", "misplaced"),
        (EncryptionCodec({"k1": OLD}, refuses_clear=True), "clear", "clear"),
    ],
)
async def test_codec_failures(codec, payload, reason):
    """A payload that cannot be read counts once, under its reason; one that can counts nowhere."""
    [sealed] = await CODEC.encode([CLEAR])
    [bound] = await CODEC.with_context(WorkflowSerializationContext("ns", "a")).encode([CLEAR])
    before = codec_failures()
    try:
        await codec.decode([{"sealed": sealed, "clear": CLEAR, "bound": bound}[payload]])
    except UNREADABLE:
        assert reason == "missing_key"
    grown = {it: count - before[it] for it, count in codec_failures().items()}
    assert grown == {it: float(it == reason) for it in before}


@given(status_code=st.none() | st.integers(200, 999))
def test_status_classes_are_few(status_code):
    """Whatever a receiver answers, it adds no more than one of eight classes and `none`."""
    metrics.attempt_ended(Outcome.HTTP_ERROR, status_code, Trigger.TEST, 0.1)
    classes = {
        sample.labels["status_class"]
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "hookwright_attempts_total"
    }
    assert classes <= {"none", *(f"{digit}xx" for digit in range(2, 10))}


def test_every_limit_has_a_label():
    """What a rate limit counts can be counted when it is refused."""
    for kind in CallKind:
        assert metrics.ApiLimit(kind)


def publishes() -> Counter[tuple[str, str]]:
    return Counter(
        {
            (sample.labels["kind"], sample.labels["status"]): int(sample.value)
            for family in REGISTRY.collect()
            for sample in family.samples
            if sample.name == "hookwright_publish_seconds_count"
        }
    )


async def answer(request: Request) -> Response:
    """Do as the request says: answer with its body as the status, or fail."""
    status = (await request.body()).decode()
    if status == "fails":
        raise LookupError
    return Response(status_code=int(status))


async def requested(app: ASGIApp, method: str, path: str, body: str | AsyncIterator[bytes]) -> None:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as http:
        await http.request(method, path, content=body)


@pytest.mark.parametrize(
    ("method", "path", "body", "counted"),
    [
        ("POST", "/v1/tenants/t/events", "202", ("event", "202")),
        ("POST", "/v1/tenants/t/events", "503", ("event", "503")),
        ("POST", "/v1/tenants/t/events", "fails", ("event", "500")),
        ("POST", "/v1/tenants/t/events/batch", "207", ("batch", "207")),
        ("GET", "/v1/tenants/t/events", "200", None),
        ("POST", "/v1/tenants/t", "201", None),
        ("POST", "/nowhere", "404", None),
    ],
)
async def test_publishes(method, path, body, counted):
    """A publish counts under its kind and the status of its answer; other requests do not."""
    paths = ("/v1/tenants/{tenant_id}/events", "/v1/tenants/{tenant_id}/events/batch")
    routes = [Route(each, answer, methods=["GET", "POST"]) for each in paths]
    app = Starlette(routes=[*routes, Route("/v1/tenants/{tenant_id}", answer, methods=["POST"])])
    app.add_middleware(PublishMetrics)

    before = publishes()
    await requested(app, method, path, body)
    assert publishes() - before == Counter([counted] if counted else [])


async def test_a_slow_caller_is_not_slow_publishing(monkeypatch):
    """The time of a publish begins when its request has arrived, however long that took."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(
        "api.access.publishes.time", SimpleNamespace(perf_counter=lambda: clock.now)
    )

    async def arriving():
        clock.now += 50.0
        yield b"202"

    async def answer_later(request: Request) -> Response:
        await request.body()
        clock.now += 0.25
        return Response(status_code=202)

    before = value("hookwright_publish_seconds_sum", kind="event", status="202") or 0.0
    path = "/v1/tenants/{tenant_id}/events"
    app = PublishMetrics(Starlette(routes=[Route(path, answer_later, methods=["POST"])]))
    await requested(app, "POST", "/v1/tenants/t/events", arriving())
    after = value("hookwright_publish_seconds_sum", kind="event", status="202")
    assert after == pytest.approx(before + 0.25)
