"""An endpoint that fails now and then: when it is warned, and how often its status changes."""

from datetime import timedelta

import pytest
from support.health import (
    ACTIVE,
    DAY,
    DISABLED,
    ONE_LOST,
    STANDARD,
    SimulatedEndpoint,
)

from hookwright.contracts import DeactivationRule
from hookwright.contracts.deactivation import FailureRate
from hookwright.health.probing import PROBE_AFTER_SECONDS


def test_warnings_once_each() -> None:
    """At 50, 70 and 90 % of the way it warns, each once, and says how far it is."""
    endpoint = SimulatedEndpoint(STANDARD)
    for _ in range(5 * 24):
        endpoint.fail()
        endpoint.wait(hours=1)
    assert [notice["percent"] for notice in endpoint.notices("endpoint.warned")] == [50, 70, 90]
    assert endpoint.notices("endpoint.disabled") == []
    endpoint.fail()
    assert len(endpoint.notices("endpoint.disabled")) == 1


def test_a_leap_warns_of_the_highest_only() -> None:
    """Two days to nine tenths of the way between two failures make one warning, of 90 %."""
    endpoint = SimulatedEndpoint(STANDARD)
    endpoint.fail()
    endpoint.wait(days=4.6)
    endpoint.fail()
    endpoint.fail()
    assert [notice["percent"] for notice in endpoint.notices("endpoint.warned")] == [90]


def test_a_new_streak_warns_again() -> None:
    """After a success the streak begins again, and so do its warnings."""
    endpoint = SimulatedEndpoint(DeactivationRule(exhausted_in_a_row=4))
    for _ in range(2):
        endpoint.exhaust()
        endpoint.exhaust()
        endpoint.deliver()
    assert [notice["percent"] for notice in endpoint.notices("endpoint.warned")] == [50, 50]


@pytest.mark.parametrize(
    "rule",
    [
        STANDARD,
        DeactivationRule(exhausted_in_a_row=3, failing_for_seconds=3600),
        DeactivationRule(failure_rate=FailureRate(share=0.6)),
        DeactivationRule(failure_rate=FailureRate(share=0.9, over="day")),
    ],
)
def test_flapping_is_not_disabled(rule: DeactivationRule) -> None:
    """A day of 2xx and 5xx in turn never disables it, and warns at most once an hour."""
    endpoint = SimulatedEndpoint(rule)
    for minute in range(24 * 60):
        endpoint.exhaust() if minute % 2 else endpoint.deliver()
        assert endpoint.health.status is ACTIVE
        endpoint.wait(minutes=1)
    assert endpoint.health.counts.last_day(endpoint.now)[0] > 600
    assert len(endpoint.notices("endpoint.warned")) <= 24
    assert endpoint.notices("endpoint.disabled") == []


def changes_in_a_day(endpoint: SimulatedEndpoint, active_for: timedelta) -> int:
    """Count status changes of an endpoint whose probes succeed and which fails soon after."""
    changes, end = 0, endpoint.now + timedelta(days=1)
    while endpoint.now < end:
        endpoint.exhaust()
        assert endpoint.health.status is DISABLED
        endpoint.hold()
        endpoint.probe_succeeds()
        assert endpoint.health.status is ACTIVE
        changes += 2
        endpoint.now += active_for
    return changes


@pytest.mark.parametrize("minutes", [0, 1, 30, 59, 60, 61, 90])
def test_status_changes_are_bounded(minutes: int) -> None:
    """Who fails soon after each recovery changes its status fewer than fifty times a day."""
    assert changes_in_a_day(SimulatedEndpoint(ONE_LOST), timedelta(minutes=minutes)) < 50


def test_relapse_goes_on_where_the_probes_were() -> None:
    """Failing at once after a recovery, it is probed after the next longer wait."""
    endpoint = SimulatedEndpoint(ONE_LOST)
    waits = []
    for _ in range(8):
        endpoint.exhaust()
        waits.append((endpoint.health.next_probe_at - endpoint.now).total_seconds())
        endpoint.hold()
        endpoint.probe_succeeds()
    assert waits == [*PROBE_AFTER_SECONDS, DAY, DAY]
    endpoint.wait(days=2)
    endpoint.exhaust()
    assert endpoint.health.next_probe_at == endpoint.now + timedelta(minutes=1)
