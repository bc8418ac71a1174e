"""Spans, for code that does not know who records them, or whether anybody does.

`runtime.tracing` installs what records them with OpenTelemetry. Until then a span is nothing, and
costs a function call. No span may hold a secret, anything of an event's data, or more of a
receiver's URL than its host.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from typing import Protocol

Fact = str | int | bool | None
Facts = Mapping[str, Fact]
"""Attributes of a span. Those that are None are left out."""


class SpanKind(StrEnum):
    """What a span is, in OpenTelemetry's words."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"


class Span(Protocol):
    """What is under way."""

    def note(self, facts: Facts) -> None:
        """Add attributes."""

    def fail(self, reason: str) -> None:
        """Mark it as failed. The reason is a word of ours, and no text of an error."""


class Tracer(Protocol):
    """What records spans."""

    def span(
        self, name: str, kind: SpanKind, facts: Facts, parent: str | None, link: str | None
    ) -> AbstractContextManager[Span]:
        """Return a context in which a span is under way."""

    def traceparent(self) -> str | None:
        """Return the span that is under way, as the header `traceparent` (W3C Trace Context)."""


class _NoSpan:
    def note(self, facts: Facts) -> None:
        """Note nothing."""

    def fail(self, reason: str) -> None:
        """Mark nothing."""


NO_SPAN: Span = _NoSpan()

_NOTHING: AbstractContextManager[Span] = nullcontext(NO_SPAN)

_tracer: Tracer | None = None


@contextmanager
def recorded_by(tracer: Tracer) -> Iterator[None]:
    """Have all spans of this process recorded while the context is open."""
    global _tracer  # noqa: PLW0603 - like the log, it is one for the whole process
    before, _tracer = _tracer, tracer
    try:
        yield
    finally:
        _tracer = before


def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    facts: Facts | None = None,
    *,
    parent: str | None = None,
    link: str | None = None,
) -> AbstractContextManager[Span]:
    """Return a context in which a span is under way, within the one that is under way already.

    `parent` and `link` are values of a `traceparent` header: of the span that this one belongs to,
    and of one that it only mentions.
    """
    return _tracer.span(name, kind, facts or {}, parent, link) if _tracer else _NOTHING


def traceparent() -> str | None:
    """Return the span that is under way as a `traceparent` header, or None if there is none."""
    return _tracer.traceparent() if _tracer else None
