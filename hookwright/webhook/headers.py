"""The headers of a webhook: those of the contract, with the signature."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hookwright.contracts import EXTRA_PREFIX, Contract, as_template, fill, placeholders
from hookwright.ids import delivery_id, delivery_uuid
from hookwright.models import EventInput
from hookwright.times import rfc3339_seconds
from hookwright.webhook.envelope import json_text
from hookwright.webhook.signing import sign
from hookwright.webhook.template_signature import Signable


@dataclass(frozen=True)
class Posting:
    """One attempt, as the headers tell of it: which event goes where, and when."""

    event: EventInput
    happened_at: datetime
    endpoint_id: str
    url: str
    attempt: int
    at: datetime
    traceparent: str | None = None


def contract_headers(
    contract: Contract, posting: Posting, live_secrets: Sequence[str], body: bytes
) -> dict[str, str]:
    """Return the headers that the contract sets, the signature last.

    A header is left out if an extra field that it shows is missing from the event, or if it shows
    the trace and there is none.

    Raises:
        ValueError: a value cannot stand in a header, or a secret cannot sign.
    """
    values = _values(contract, posting)
    headers = {"content-type": contract.content_type, **contract.constant_headers}
    for name, sent in contract.headers.items():
        template = as_template(sent)
        if not {*placeholders(template)} <= values.keys():
            continue
        value = fill(template, values).strip()
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"the header {name} has characters other than printable ASCII")
        if value:
            headers[name] = value
    unix_time = int(posting.at.timestamp())
    signable = Signable(posting.event.id, unix_time, body, posting.url)
    headers[contract.signature.header] = sign(contract.signature, live_secrets, signable)
    return headers


def operator_headers(
    contract: Contract, posting: Posting, wanted: Mapping[str, str], taken: Iterable[str]
) -> dict[str, str]:
    """Return the headers that the operator wants beside those of the contract and of the tenant.

    `wanted` are sources by the names of headers. A name that is `taken` stays what it is.
    """
    values, known = _values(contract, posting), {name.lower() for name in taken}
    return {
        name: values[source]
        for name, source in wanted.items()
        if name not in known and source in values
    }


def _values(contract: Contract, posting: Posting) -> Mapping[str, str]:
    event, at = posting.event, posting.at.astimezone(UTC)
    extra = {
        EXTRA_PREFIX + name: value if isinstance(value, str) else json_text(contract, value)
        for name, value in contract.with_defaults(event.extra).items()
        if value is not None
    }
    return {
        "event_id": event.id,
        "event_type": event.type,
        "event_time": rfc3339_seconds(posting.happened_at),
        "event_unix_time": str(int(posting.happened_at.timestamp())),
        "delivery_id": delivery_id(posting.endpoint_id, event.id),
        "delivery_uuid": delivery_uuid(event.tenant_id, posting.endpoint_id, event.id),
        "tenant_id": event.tenant_id,
        "attempt": str(posting.attempt),
        "time": rfc3339_seconds(at),
        "unix_time": str(int(at.timestamp())),
        **({"traceparent": posting.traceparent} if posting.traceparent else {}),
        **extra,
    }
