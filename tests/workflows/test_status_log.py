"""The log of an endpoint's status: one line for each change, in the order they are made."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hookwright.contracts import DisabledReason
from hookwright.health import Health
from hookwright.models import EndpointState
from workflows.logs import EndpointStatusLog, status_log

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What was told, with its facts."""
    lines: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(status_log, "tell", lambda event, **facts: lines.append((event, facts)))
    return lines


def endpoint() -> tuple[EndpointState, EndpointStatusLog]:
    state = EndpointState(tenant_id="acme", endpoint_id="ep_1")
    return state, EndpointStatusLog(state)


def test_each_change_is_told_once(told: list[tuple[str, dict[str, Any]]]) -> None:
    """What people do, an outage with a probe, and the drain after it: each has one line."""
    state, log = endpoint()
    health: Health = state.health
    health.created(NOW, paused=False, by="operator:ops")
    log.update(state)
    health.pause(NOW, "token")
    log.update(state)
    log.update(state)
    health.resume(NOW, "token")
    log.update(state)
    health._disable(DisabledReason.FAILURE_RATE, NOW)
    log.update(state)
    health.queue.moved(NOW, was_held=False, is_held=True)
    log.update(state)
    health.probed(NOW, found=True)
    log.update(state)
    health._activate(NOW)
    log.update(state)
    log.update(state)
    health.queue.moved(NOW, was_held=True, is_held=False)
    log.update(state)
    health.begin_release(NOW)
    log.update(state)
    state.deleted = True
    log.update(state)
    log.update(state)

    assert [event.removeprefix("endpoint.") for event, _ in told] == [
        "created", "paused", "resumed", "disabled", "probing", "recovered", "draining", "drained",
        "deleted",
    ]  # fmt: skip
    facts = dict(told)
    assert facts["endpoint.paused"]["by"] == "token"
    assert facts["endpoint.disabled"]["reason"] == DisabledReason.FAILURE_RATE
    assert facts["endpoint.disabled"]["next_probe_at"] > NOW
    assert facts["endpoint.draining"]["held"] == 1


def test_pause_of_receiver_is_told_once(told: list[tuple[str, dict[str, Any]]]) -> None:
    """A pause that is prolonged has one line, and its end another one."""
    state, log = endpoint()
    for seconds in (5.0, 60.0):
        state.health.queue.slow_down(NOW, seconds)
        log.update(state)
    state.health.begin_release(NOW + timedelta(minutes=2))
    log.update(state)

    assert [event for event, _ in told] == ["endpoint.rate_limited", "endpoint.drained"]


def test_new_run_tells_nothing_again(told: list[tuple[str, dict[str, Any]]]) -> None:
    """After continue-as-new the log goes on from the state that the new run begins with."""
    state, _ = endpoint()
    state.health.created(NOW, paused=True)
    state.health._disable(DisabledReason.FAILURE_RATE, NOW)
    EndpointStatusLog(state).update(state)

    assert not told
