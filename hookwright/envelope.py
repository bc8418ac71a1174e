"""The body of a webhook: the contract's envelope around an event, serialised once."""

import json
from datetime import datetime

from hookwright.contracts import Contract
from hookwright.expressions import evaluate
from hookwright.models import EventInput
from hookwright.times import rfc3339_seconds


def event_document(event: EventInput, happened_at: datetime) -> dict[str, object]:
    """Return what envelope expressions and subscription filters see."""
    return {
        "id": event.id,
        "type": event.type,
        "time": rfc3339_seconds(happened_at),
        "unix_time": int(happened_at.timestamp()),
        "data": event.data,
    }


def render(contract: Contract, event: EventInput, happened_at: datetime) -> bytes:
    """Return the bytes that are signed and sent, the same at every attempt."""
    envelope = evaluate(contract.envelope, event_document(event, happened_at))
    text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()
