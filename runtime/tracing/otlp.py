"""Recording spans with OpenTelemetry, and sending them over OTLP.

This module is imported only if traces are wanted: its packages are an extra.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from temporalio.client import OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.contrib.opentelemetry import OpenTelemetryInterceptor, create_tracer_provider

from hookwright.temporal import WorkflowType
from hookwright.tracing import Facts, Span, SpanKind

TRACED = frozenset({WorkflowType.EVENT, WorkflowType.DELIVERY, WorkflowType.ENDPOINT_TEST})
"""The workflows that belong to the request which started them. An endpoint lives for years, and
what it does of its own accord is no part of the request that created it."""

HEADER = "traceparent"

EXPORTER_LOGGER = "opentelemetry.exporter"

log = structlog.get_logger(__name__)

_propagator = TraceContextTextMapPropagator()


@dataclass(frozen=True)
class Recorder:
    """What records spans, what carries a trace through Temporal, and how to end both."""

    tracer: "OpenTelemetryTracer"
    interceptor: OpenTelemetryInterceptor
    provider: Any

    def shut_down(self) -> None:
        """Send what waits, and record nothing more."""
        self.provider.shutdown()


def record(exporter: SpanExporter | None = None) -> Recorder:
    """Begin to record spans, and to export them from a thread of its own.

    The queue is bounded: what does not fit is dropped (`OTEL_BSP_MAX_QUEUE_SIZE`).
    """
    resource = Resource({SERVICE_NAME: "hookwright", SERVICE_VERSION: version("hookwright")}).merge(
        OTELResourceDetector().detect()
    )
    # The SDK's interceptor wants a provider whose spans could be made in workflows, too.
    provider = create_tracer_provider(resource=resource, shutdown_on_exit=False)
    exporter = SteadyExporter(exporter or OTLPSpanExporter())
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return Recorder(
        OpenTelemetryTracer(provider.get_tracer("hookwright")), DeliveryTraces(), provider
    )


class OpenTelemetryTracer:
    """Records spans with OpenTelemetry."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self.tracer = tracer

    @contextmanager
    def span(
        self, name: str, kind: SpanKind, facts: Facts, parent: str | None, link: str | None
    ) -> Iterator[Span]:
        """Record a span while the context is open.

        An exception marks it as failed by its type. Its text and its traceback are left out: they
        may repeat what a span must not hold.
        """
        linked = trace.get_current_span(_context(link)).get_span_context() if link else None
        with self.tracer.start_as_current_span(
            name,
            context=_context(parent) if parent else None,
            kind=trace.SpanKind[kind.name],
            attributes=_known(facts),
            links=[trace.Link(linked)] if linked and linked.is_valid else [],
            record_exception=False,
            set_status_on_exception=False,
        ) as recorded:
            span = _RecordedSpan(recorded)
            try:
                yield span
            except BaseException as error:
                span.fail(type(error).__name__)
                raise

    def traceparent(self) -> str | None:
        """Return the span that is under way as a header."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get(HEADER)


class _RecordedSpan:
    def __init__(self, span: trace.Span) -> None:
        self.span = span

    def note(self, facts: Facts) -> None:
        """Add attributes."""
        self.span.set_attributes(_known(facts))

    def fail(self, reason: str) -> None:
        """Mark it as failed."""
        self.span.set_attribute("error.type", reason)
        self.span.set_status(trace.Status(trace.StatusCode.ERROR, reason))


def _context(traceparent: str) -> Context:
    """Return the context of a remote span; an empty one if the header is not well-formed.

    Nothing else is taken from callers: no `tracestate`, and no baggage, which would be stored in
    Temporal.
    """
    return _propagator.extract({HEADER: traceparent}, Context())


def _known(facts: Facts) -> dict[str, str | int | bool]:
    return {name: fact for name, fact in facts.items() if fact is not None}


class DeliveryTraces(OpenTelemetryInterceptor):
    """The SDK's interceptor, for the workflows that belong to a request.

    It makes no spans. It carries the trace in Temporal's headers, from the request through the
    workflow to its activities, the local ones too. Headers are no commands, so histories that were
    recorded with it replay without it, and the other way round.
    """

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        """Return what the client calls."""
        return _OnlyTraced(next, super().intercept_client(next))


class _OnlyTraced(OutboundInterceptor):
    """Adds the trace to the start of a workflow in TRACED, and to no other call."""

    def __init__(self, plain: OutboundInterceptor, traced: OutboundInterceptor) -> None:
        super().__init__(plain)
        self.traced = traced

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002
        """Start a workflow."""
        to = self.traced if input.workflow in TRACED else self.next
        return await to.start_workflow(input)


class SteadyExporter(SpanExporter):
    """An exporter that logs once that its collector does not answer, and once that it does again.

    The one that it wraps would log each attempt.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self.exporter = exporter
        self.lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans. This runs in a thread of its own."""
        result = self.exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            if self.lost:
                log.info("traces.sent_again", lost=self.lost)
                logging.getLogger(EXPORTER_LOGGER).setLevel(logging.NOTSET)
            self.lost = 0
        else:
            if not self.lost:
                log.warning(
                    "traces.not_sent", remedy="is OTEL_EXPORTER_OTLP_ENDPOINT right, and up?"
                )
                logging.getLogger(EXPORTER_LOGGER).setLevel(logging.CRITICAL)
            self.lost += len(spans)
        return result

    def shutdown(self) -> None:
        """End."""
        self.exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits."""
        return self.exporter.force_flush(timeout_millis)
