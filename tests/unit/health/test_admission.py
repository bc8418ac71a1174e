"""Which deliveries an endpoint admits: paused, resumed, disabled or throttled."""

from datetime import timedelta

import pytest
from support.health import (
    ACTIVE,
    BEGIN,
    DAY,
    ONE_LOST,
    PAUSED,
    STANDARD,
    SimulatedEndpoint,
    disabled,
)

from hookwright.health import Release


def test_who_is_admitted() -> None:
    """Active admits all, unless there is a queue; disabled a probe only; paused a probe, too."""
    endpoint = SimulatedEndpoint(ONE_LOST)
    assert endpoint.health.admits(None)
    endpoint.fail(429)
    assert not endpoint.health.admits(None)
    assert endpoint.health.admits(Release.DRAIN)
    endpoint.exhaust()
    assert [endpoint.health.admits(each) for each in (None, Release.DRAIN, Release.PROBE)] == [
        False,
        False,
        True,
    ]


def test_resume_ends_the_streak_and_drains() -> None:
    """Resumed, the past is forgotten, and what waits is let go at once."""
    endpoint = SimulatedEndpoint(STANDARD)
    endpoint.fail()
    endpoint.health.pause(endpoint.now)
    endpoint.hold(3)
    endpoint.wait(days=6)
    endpoint.health.resume(endpoint.now)
    assert endpoint.health.queue.release_due_at(endpoint.now) == endpoint.now
    endpoint.fail()
    assert endpoint.health.status is ACTIVE
    assert endpoint.health.streak.failing_since == endpoint.now
    assert endpoint.notices() == []


def test_failures_of_a_paused_endpoint_do_not_disable_it() -> None:
    """What was under way when it was paused may fail: it stays paused, not disabled."""
    endpoint = SimulatedEndpoint(ONE_LOST)
    endpoint.health.pause(endpoint.now)
    endpoint.exhaust()
    assert endpoint.health.status is PAUSED


@pytest.mark.parametrize("status", [429, 502, 504])
def test_overload_slows_the_endpoint(status: int) -> None:
    """429, 502 and 504 make the whole endpoint wait; another failure only its own delivery."""
    endpoint = SimulatedEndpoint()
    endpoint.fail(status)
    assert endpoint.health.queue.throttled_until == endpoint.now + timedelta(seconds=1)
    assert not endpoint.health.admits(None)
    other = SimulatedEndpoint()
    for it in (500, 503, 400, None):
        other.fail(it)
    assert other.health.queue.throttled_until is None


def test_retry_after_slows_the_endpoint() -> None:
    """Retry-After with any failure makes the whole endpoint wait for so long, and no less."""
    endpoint = SimulatedEndpoint()
    endpoint.fail(503, retry_after=120)
    assert endpoint.health.queue.throttled_until == endpoint.now + timedelta(seconds=120)
    endpoint.wait(seconds=10)
    endpoint.fail(503, retry_after=20)
    assert endpoint.health.queue.throttled_until == BEGIN + timedelta(seconds=120)
    endpoint.fail(503, retry_after=DAY)
    assert endpoint.health.queue.throttled_until == endpoint.now + timedelta(days=1)


def test_resume_ends_the_quiet_of_an_active_endpoint() -> None:
    """A day of quiet that a receiver asked for ends when a person resumes the endpoint."""
    endpoint = SimulatedEndpoint()
    endpoint.fail(503, retry_after=86_400.0)
    assert endpoint.health.queue.throttled_until == endpoint.now + timedelta(days=1)
    endpoint.hold(2)
    endpoint.health.resume(endpoint.now)
    queue = endpoint.health.queue
    assert (queue.throttled_until, queue.release_due_at(endpoint.now)) == (None, endpoint.now)
    assert (queue.held, queue.pauses, endpoint.health.status) == (2, 0, ACTIVE)


def test_paused_and_disabled_are_not_throttled() -> None:
    """What fails late does not throttle an endpoint that lets nothing go anyway."""
    endpoint = disabled()
    endpoint.fail(429, retry_after=30)
    assert endpoint.health.queue.throttled_until is None
