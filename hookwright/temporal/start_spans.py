"""The spans in which Temporal is asked to deliver: all attempts that follow belong to them."""

from contextlib import AbstractContextManager

from hookwright.models import EventInput
from hookwright.tracing import Span, SpanKind, span


def publish_span(event: EventInput) -> AbstractContextManager[Span]:
    """Return the span in which an event is stored."""
    ids = {"tenant_id": event.tenant_id, "event_id": event.id, "event_type": event.type}
    return _span("publish event", ids)


def recovery_span(event: EventInput, endpoint_id: str) -> AbstractContextManager[Span]:
    """Return the span in which a recovery starts the delivery of an event that had none.

    It begins a trace: one of the whole recovery could have a hundred thousand attempts.
    """
    ids = {"tenant_id": event.tenant_id, "endpoint_id": endpoint_id, "event_id": event.id}
    return _span("recover delivery", ids)


def _span(name: str, ids: dict[str, str]) -> AbstractContextManager[Span]:
    return span(name, SpanKind.PRODUCER, {f"hookwright.{key}": each for key, each in ids.items()})
