"""Sizes: whatever receivers and tenants send, what Temporal must store stays below its limits."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError
from support.counts import WORST as WORST_FIGURES
from support.counts import counts_of

from activities.delivery.request import MAX_STORED_REQUEST_BYTES
from activities.egress import MAX_ERROR_BYTES
from activities.egress.http_client import MAX_STORED_BODY_BYTES
from api.services.endpoint_checks import MAX_CONFIG_BYTES
from hookwright.contracts import MAX_RETRIES, shown_headers
from hookwright.contracts.headers import MAX_BYTES as MAX_HEADER_BYTES
from hookwright.contracts.headers import MAX_HEADERS, MAX_SHOWN_BYTES
from hookwright.health import Health
from hookwright.health.counts import Figures
from hookwright.models import (
    Attempt,
    DeliveryLog,
    EndpointConfig,
    EndpointState,
    EventInput,
    Secret,
    TenantSettings,
    Timing,
    trim_attempts,
)
from hookwright.models.endpoint import MAX_LIVE_SECRETS
from hookwright.models.fields import MAX_METADATA_BYTES
from hookwright.models.kept_attempts import MAX_KEPT_ATTEMPTS
from hookwright.outcomes import DeliveryState, Outcome
from hookwright.sizes import BLOB_BYTES, MAX_EVENT_BYTES

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)

# One byte of a reply grows most when JSON must escape it: NUL becomes six characters.
WORST = "\0"


@pytest.mark.parametrize("letter", [WORST, '"', "\\", "\x7f", "é", "😀", "\ufffd"])
def test_the_longest_log(letter):
    """The log of the longest schedule, each reply and error of the worst kind, can be stored."""

    def filled(limit: int) -> str:
        return letter * (limit // len(letter.encode()))

    attempt = Attempt(
        number=MAX_RETRIES + 1,
        started_at=NOW,
        duration_ms=60_500,
        outcome=Outcome.BLOCKED_DESTINATION,
        status_code=599,
        response_body=filled(MAX_STORED_BODY_BYTES),
        error=filled(MAX_ERROR_BYTES),
        timing=Timing(dns_ms=60_500, connect_ms=60_500, tls_ms=60_500, first_byte_ms=60_500),
        request_headers=shown_headers({f"{n:x<190}": letter for n in range(MAX_HEADERS)}, []),
        request_bytes=MAX_EVENT_BYTES,
    )
    assert len(json.dumps(attempt.request_headers)) > MAX_SHOWN_BYTES - 200
    attempts: list[Attempt] = []
    for number in range(MAX_KEPT_ATTEMPTS + 3):
        # No body is that of the attempt before, so each is stored.
        body = f"{number:02}{filled(MAX_STORED_REQUEST_BYTES - 2)}"
        attempt = attempt.model_copy(update={"request_body": body})
        attempts = trim_attempts([*attempts, attempt])
    log = DeliveryLog(state=DeliveryState.EXHAUSTED, attempts=attempts)
    stored = log.model_dump_json().encode()
    # Twice in one request: as heartbeat details and in the failure, or as input and result.
    assert 2 * len(stored) < BLOB_BYTES
    # And once beside its event, in the arguments of `retry`.
    assert len(stored) + MAX_EVENT_BYTES < BLOB_BYTES - 8_192
    assert DeliveryLog.model_validate_json(stored) == log
    assert len(attempts) == MAX_KEPT_ATTEMPTS
    assert attempts[-1] == attempt


def test_a_usual_log_is_whole():
    """Bodies and replies of usual size are kept of all attempts."""
    attempts = [
        Attempt(
            number=number,
            started_at=NOW,
            duration_ms=30,
            outcome=Outcome.HTTP_ERROR,
            status_code=503,
            response_body="<html>unavailable</html>" * 100,
            error="the receiver answered 503",
            request_body=f"{number:x>2048}",
            request_bytes=2048,
        )
        for number in range(1, MAX_KEPT_ATTEMPTS + 1)
    ]
    assert trim_attempts(attempts) == attempts


def test_an_endpoints_figures():
    """A day's figures are 3 KB at one attempt a second, and 10.5 KB at worst."""
    usual = Figures(delivered=300, latencies=[0] * 12 + [10, 80, 140, 50, 15, 5])
    assert len(counts_of(usual).model_dump_json()) < 3_000
    assert len(counts_of(WORST_FIGURES).model_dump_json()) < 10_752


def test_the_longest_memo():
    """An endpoint with as much of everything as it may have fits a memo of 28 KiB."""
    config = EndpointConfig(
        url=f"https://hooks.example.com/{'x' * 2_000}", metadata={"x": "x" * 4_000}
    )
    config.description = "x" * (MAX_CONFIG_BYTES - len(config.model_dump_json()))
    state = EndpointState(
        tenant_id="t" * 64,
        endpoint_id="e" * 64,
        version=10**6,
        health=Health(counts=counts_of(WORST_FIGURES)),
        config=config,
        secrets=[Secret(value="x" * 256, expires_at=NOW)] * MAX_LIVE_SECRETS,
        headers={"x": "x" * (MAX_HEADER_BYTES - 1)},
    )
    assert len(config.model_dump_json()) == MAX_CONFIG_BYTES
    assert 24 * 1024 < len(state.public().model_dump_json()) < 28 * 1024


@pytest.mark.parametrize("model", [EndpointConfig, TenantSettings])
def test_metadata(model):
    """Metadata has at most 4,096 bytes, names and values together, counted as UTF-8."""
    required = {"url": "https://hooks.example.com/"} if model is EndpointConfig else {}
    fitting = {"é": "x" * (MAX_METADATA_BYTES - 2)}
    assert MAX_METADATA_BYTES == 4096
    assert model(**required, metadata=fitting).metadata == fitting
    for metadata in ({"é": "x" * (MAX_METADATA_BYTES - 1)}, {str(n): "é" for n in range(2000)}):
        with pytest.raises(ValidationError, match="4096 bytes"):
            model(**required, metadata=metadata)


@pytest.mark.parametrize(
    "fields",
    [
        {"description": "x" * 1025},
        {"event_types": []},
        {"event_types": ["a"] * 51},
        {"event_types": ["x" * 129]},
        {"filter": "x" * 1025},
        {"filter": "a =="},
        {"timeout_seconds": 0.9},
        {"timeout_seconds": 61},
        {"timeout_seconds": float("nan")},
        {"secret": "x"},
        {"tenant_id": "x"},
    ],
)
def test_an_endpoints_limits(fields):
    """What is too long, too many, out of range or unknown is refused."""
    with pytest.raises(ValidationError):
        EndpointConfig(url="https://hooks.example.com/", **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"tenant_id": "a:b"},
        {"id": "a.b"},
        {"id": "x" * 65},
        {"type": "a..b"},
        {"endpoint_id": "a:b"},
        {"created_at": datetime(2026, 1, 15)},  # noqa: DTZ001 - a time without a zone
        {"unknown": 1},
    ],
)
def test_an_events_limits(fields):
    """An event's ids, type and time are checked, also for services that start it themselves."""
    good = {"tenant_id": "acme", "id": "evt_1", "type": "a.b", "data": None}
    assert EventInput(**good)
    with pytest.raises(ValidationError):
        EventInput(**{**good, **fields})
