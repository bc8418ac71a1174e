"""The body of a webhook: an event in the contract's envelope, as bytes."""

import json
from datetime import datetime
from urllib.parse import urlencode

from hookwright.contracts import Contract
from hookwright.expressions import evaluate
from hookwright.models import EventInput
from hookwright.times import rfc3339_seconds
from hookwright.webhook.ecmascript import stringify

NOT_JSON = "the value of the expression is not JSON, or nests too deeply"


def event_document(event: EventInput, happened_at: datetime) -> dict[str, object]:
    """Return the document that envelope expressions and subscription filters are applied to."""
    return {
        "id": event.id,
        "type": event.type,
        "time": rfc3339_seconds(happened_at),
        "unix_time": int(happened_at.timestamp()),
        "data": event.data,
        "extra": event.extra,
    }


def render(contract: Contract, event: EventInput, happened_at: datetime) -> bytes:
    """Return the body that is signed and sent. It is the same at every attempt.

    Raises:
        ValueError: the contract's envelope does not fit this event.
    """
    document = contract_document(contract, event, happened_at)
    return encode_body(contract, evaluate(contract.envelope, document))


def contract_document(
    contract: Contract, event: EventInput, happened_at: datetime
) -> dict[str, object]:
    """Return the document for envelopes and payload templates, with the contract's defaults."""
    document = event_document(event, happened_at)
    document["extra"] = contract.with_defaults(event.extra)
    return document


def encode_body(contract: Contract, body: object) -> bytes:
    """Return a body as bytes, as JSON in the contract's style or as a form.

    Raises:
        ValueError: the body is not JSON, or it is not an object and the contract sends a form.
    """
    if contract.body_format == "form":
        return _form(contract, body)
    try:
        return json_text(contract, body).encode()
    except UnicodeEncodeError:
        raise ValueError(NOT_JSON) from None


def json_text(contract: Contract, value: object) -> str:
    """Return a value as JSON in the contract's style.

    Raises:
        ValueError: the value is not JSON.
    """
    write = stringify if contract.json_style == "ecmascript" else _compact
    try:
        return write(value)
    except (TypeError, UnicodeEncodeError, RecursionError):
        # JMESPath can yield an expression (`&data`), lone surrogates, or a value nested too deeply.
        raise ValueError(NOT_JSON) from None


def _form(contract: Contract, body: object) -> bytes:
    """Return an object as a form. What is neither text nor null is written as JSON."""
    if not isinstance(body, dict):
        # A ValueError as for any other body that does not fit: the attempt fails with its text.
        raise ValueError(  # noqa: TRY004
            "the body of a form must be an object, whose keys are its fields"
        )
    fields = [
        (name, value if isinstance(value, str) else json_text(contract, value))
        for name, value in body.items()
        if value is not None
    ]
    try:
        return urlencode(fields).encode()
    except UnicodeEncodeError:
        raise ValueError(NOT_JSON) from None


def _compact(body: object) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
