"""A probe that is answered, and refused, shows a receiver that is alive."""

from datetime import timedelta

import pytest
from support.health import SimulatedEndpoint

from hookwright.contracts import DeactivationRule
from hookwright.health import shows_working_receiver
from hookwright.outcomes import EndpointStatus, Outcome

ACTIVE, PAUSED, DISABLED = EndpointStatus
ONE_LOST = DeactivationRule(exhausted_in_a_row=1)


def disabled(rule: DeactivationRule = ONE_LOST) -> SimulatedEndpoint:
    endpoint = SimulatedEndpoint(rule)
    endpoint.exhaust()
    endpoint.hold()
    endpoint.now = endpoint.health.next_probe_at
    return endpoint


def refuse(endpoint: SimulatedEndpoint, status: int) -> None:
    """Let the next probe be answered so, and its delivery go on."""
    endpoint.now = max(endpoint.now, endpoint.health.next_probe_at)
    endpoint.health.probed(endpoint.now, found=True)
    endpoint.fail(status, probe=True, was_held=True)


def test_which_answers_show_life() -> None:
    """All 4xx do, but for those that say not now or never; no 5xx, no 3xx, and no silence."""
    lively = {status for status in range(100, 600) if shows_working_receiver(status)}
    assert lively == set(range(400, 500)) - {408, 410, 425, 429}
    assert not shows_working_receiver(None)


@pytest.mark.parametrize("status", [400, 401, 404, 422, 499])
def test_a_refused_probe_recovers(status: int) -> None:
    """The endpoint is active again with a notice, and the answer still counts as a failure."""
    endpoint = disabled()
    refuse(endpoint, status)
    assert endpoint.health.status is ACTIVE
    assert len(endpoint.notices("endpoint.recovered")) == 1
    assert (endpoint.health.streak.failures, endpoint.health.streak.failing_since) == (
        1,
        endpoint.now,
    )
    assert endpoint.health.counts.last_hour(endpoint.now) == (0, 2)
    assert (endpoint.health.queue.held, endpoint.health.queue.draining_since) == (0, endpoint.now)


@pytest.mark.parametrize("status", [408, 410, 425, 429, 500, 503, 302, None])
def test_other_answers_do_not(status: int | None) -> None:
    """What is down, overloaded or gone stays disabled, and its ladder of probes goes on."""
    endpoint = disabled()
    endpoint.probe_fails(status)
    assert endpoint.health.status is DISABLED
    assert endpoint.health.next_probe_at == endpoint.now + timedelta(minutes=5)


def test_only_a_probe_s_answer_counts() -> None:
    """A 404 to a delivery from before it was disabled, or while paused, changes no status."""
    endpoint = disabled()
    endpoint.fail(404)
    assert endpoint.health.status is DISABLED
    endpoint.health.pause(endpoint.now)
    endpoint.fail(404, probe=True, was_held=True)
    assert endpoint.health.status is PAUSED


def test_a_blocked_destination_shows_no_life() -> None:
    """A probe that the egress guard refuses has met no receiver."""
    endpoint = SimulatedEndpoint()
    endpoint.take(outcome=Outcome.BLOCKED_DESTINATION)
    endpoint.take(outcome=Outcome.BLOCKED_DESTINATION, probe=True, was_held=True, is_held=True)
    assert endpoint.health.status is DISABLED


@pytest.mark.parametrize("minutes", [0, 1, 30, 59, 61, 90])
def test_404_to_everything_flips_seldom(minutes: int) -> None:
    """Who answers 404 to all, and is disabled soon after each probe, flips under 50 times a day."""
    endpoint = SimulatedEndpoint(ONE_LOST)
    end, changes = endpoint.now + timedelta(days=1), 0
    while endpoint.now < end:
        endpoint.exhaust(status=404)
        assert endpoint.health.status is DISABLED
        endpoint.hold()
        refuse(endpoint, 404)
        assert endpoint.health.status is ACTIVE
        changes += 2
        endpoint.wait(minutes=minutes)
    assert changes < 50
