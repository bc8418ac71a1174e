"""What an endpoint's health shows, what it does next, and what of it others are given."""

from datetime import timedelta

from support.health import (
    DISABLED,
    ONE_LOST,
    STANDARD,
    SimulatedEndpoint,
    disabled,
)

from hookwright.health import Duty, Health
from hookwright.health.streak import Streak
from hookwright.models import EndpointState
from hookwright.outcomes import Colour


def test_colours() -> None:
    """Green delivers, yellow failed lately, red is disabled or mostly failing."""
    endpoint = SimulatedEndpoint(STANDARD)
    assert endpoint.health.colour(endpoint.now) is Colour.GREEN
    endpoint.deliver()
    endpoint.deliver()
    endpoint.fail()
    assert endpoint.health.colour(endpoint.now) is Colour.YELLOW
    endpoint.fail()
    endpoint.fail()
    assert endpoint.health.colour(endpoint.now) is Colour.RED
    endpoint.deliver()
    assert endpoint.health.colour(endpoint.now) is Colour.YELLOW
    endpoint.wait(hours=2)
    assert endpoint.health.colour(endpoint.now) is Colour.GREEN
    endpoint.fail(410)
    endpoint.wait(hours=2)
    assert endpoint.health.colour(endpoint.now) is Colour.RED


def test_watched_only_while_a_success_matters() -> None:
    """A healthy endpoint needs no reports of successes; one that fails, holds or waits does."""
    assert not SimulatedEndpoint().health.watched
    for unwell in ("fail", "hold", "exhaust"):
        endpoint = SimulatedEndpoint(ONE_LOST)
        getattr(endpoint, unwell)()
        assert endpoint.health.watched
    endpoint = SimulatedEndpoint()
    endpoint.fail(429)
    endpoint.deliver()
    assert endpoint.health.watched


def test_announces_before_it_tells_and_tells_before_it_probes() -> None:
    """A new status reaches the route table first, then people, then comes the probe."""
    endpoint = disabled()
    endpoint.now = endpoint.health.next_probe_at
    duties = []
    for _ in range(3):
        due = endpoint.health.due(endpoint.now)
        duties.append(due.duty)
        if due.duty is Duty.ANNOUNCE:
            endpoint.health.announced = endpoint.health.status
        endpoint.health.notices.published(100 * (due.duty is Duty.NOTIFY))
    assert duties == [Duty.ANNOUNCE, Duty.NOTIFY, Duty.EXPIRE]
    endpoint.health.queue.next_expiry_at = endpoint.now + timedelta(hours=1)
    assert endpoint.health.due(endpoint.now).duty is Duty.PROBE


def test_one_endpoint_s_health_is_not_another_s() -> None:
    """No two endpoints share a list or a count by way of a default."""
    first, second = (EndpointState(tenant_id="t", endpoint_id=each) for each in ("a", "b"))
    SimulatedEndpoint(health=first.health).exhaust()
    assert first.health.known
    assert second.health == Health()
    assert Health() == EndpointState(tenant_id="t", endpoint_id="c").health


def test_memo_s_copy_is_small_and_harmless() -> None:
    """The copy for the memo lacks keys and notices; the original keeps them."""
    endpoint = SimulatedEndpoint(ONE_LOST)
    endpoint.exhaust()
    shown = endpoint.health.public()
    assert (shown.known.root, shown.notices.waiting) == ([], [])
    assert endpoint.health.known
    assert endpoint.health.notices.waiting
    assert shown.status is DISABLED


def test_ran_out_until_a_success() -> None:
    """Only an exhausted delivery means that retries ran out; only a success takes it back."""
    endpoint = SimulatedEndpoint(ONE_LOST)
    endpoint.fail()
    assert not endpoint.health.streak.ran_out
    endpoint.exhaust()
    assert endpoint.health.streak.ran_out
    assert endpoint.health.status is DISABLED
    endpoint.health.resume(endpoint.now)
    assert endpoint.health.streak.ran_out
    assert endpoint.health.watched
    endpoint.fail()
    assert endpoint.health.streak.ran_out
    endpoint.deliver()
    assert not endpoint.health.streak.ran_out


def test_ran_out_of_a_streak_that_was_stored_before() -> None:
    """A streak from before there was the field tells by its count that retries ran out."""
    assert Streak.model_validate({"failures": 6, "exhausted": 1}).ran_out
    assert not Streak.model_validate({"failures": 5}).ran_out
