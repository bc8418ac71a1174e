"""A collector of traces: it takes what is exported over OTLP/HTTP, and reads the protobufs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan

from support.receiver import Receiver, Reply, receiver


def facts_of(attributes: list[KeyValue]) -> dict[str, Any]:
    """Return attributes by their names."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "") for each in attributes
    }


@dataclass(frozen=True)
class Span:
    """A span that arrived, and the attributes of its process."""

    sent: SentSpan
    resource: dict[str, Any]

    @property
    def name(self) -> str:
        return self.sent.name

    @property
    def trace_id(self) -> str:
        return self.sent.trace_id.hex()

    @property
    def id(self) -> str:
        return self.sent.span_id.hex()

    @property
    def parent(self) -> str:
        return self.sent.parent_span_id.hex()

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.id}-01"

    @property
    def facts(self) -> dict[str, Any]:
        """Its attributes; ours without the prefix."""
        facts = facts_of(list(self.sent.attributes))
        return {name.removeprefix("hookwright."): fact for name, fact in facts.items()}


@dataclass(frozen=True)
class Collector:
    """Where spans arrive."""

    server: Receiver

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def spans(self) -> list[Span]:
        """All spans that have arrived, those that began first first."""
        exports = [ExportTraceServiceRequest.FromString(got.body) for got in self.server.requests]
        found = [
            Span(sent, facts_of(list(of_resource.resource.attributes)))
            for export in exports
            for of_resource in export.resource_spans
            for of_scope in of_resource.scope_spans
            for sent in of_scope.spans
        ]
        return sorted(found, key=lambda span: span.sent.start_time_unix_nano)

    def of_event(self, event_id: str) -> list[Span]:
        return [span for span in self.spans if span.facts.get("event_id") == event_id]

    def of_request(self, request_id: str) -> Span | None:
        of_request = [span for span in self.spans if span.facts.get("request_id") == request_id]
        return of_request[0] if of_request else None


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """Run a collector while the context lasts."""
    async with receiver(lambda _: Reply(body=b"")) as server:
        yield Collector(server)
