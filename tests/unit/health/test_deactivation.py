"""The rules by which an endpoint is disabled."""

from datetime import timedelta

import pytest
from support.health import (
    ACTIVE,
    DISABLED,
    STANDARD,
    SimulatedEndpoint,
    disabled,
)

from hookwright.contracts import DeactivationRule, DisabledReason
from hookwright.contracts.deactivation import FailureRate
from hookwright.health import Duty, Reports
from hookwright.outcomes import Outcome


def test_no_rule_disables_nobody() -> None:
    """Without a rule a year of failures, exhausted deliveries and 410s leaves it active."""
    endpoint = SimulatedEndpoint()
    for _ in range(365):
        endpoint.exhaust()
        endpoint.fail(410)
        endpoint.wait(days=1)
    assert endpoint.health.status is ACTIVE
    assert endpoint.notices("endpoint.") == []


@pytest.mark.parametrize("limit", [1, 3])
def test_exhausted_in_a_row(limit: int) -> None:
    """So many deliveries without attempts left disable it, and not one less."""
    endpoint = SimulatedEndpoint(DeactivationRule(exhausted_in_a_row=limit))
    for _ in range(limit - 1):
        endpoint.exhaust()
        endpoint.fail()
    assert endpoint.health.status is ACTIVE
    endpoint.exhaust()
    assert (endpoint.health.status, endpoint.health.disabled_reason) == (
        DISABLED,
        DisabledReason.EXHAUSTED,
    )


def test_success_between_resets_the_count() -> None:
    """A delivered attempt between two exhausted deliveries resets the count."""
    endpoint = SimulatedEndpoint(DeactivationRule(exhausted_in_a_row=2))
    for _ in range(50):
        endpoint.exhaust()
        endpoint.deliver()
    assert endpoint.health.status is ACTIVE


def test_a_tallied_success_resets_the_count() -> None:
    """A success that another worker tallied ends the streak if it came after the last failure."""
    endpoint = SimulatedEndpoint(DeactivationRule(exhausted_in_a_row=2))
    endpoint.exhaust()
    endpoint.wait(seconds=5)
    endpoint.health.take(Reports(delivered=1, last_delivered_at=endpoint.now), endpoint.now)
    assert endpoint.health.streak.failures == 0
    endpoint.exhaust()
    before = endpoint.now - timedelta(seconds=5)
    endpoint.health.take(Reports(delivered=1, last_delivered_at=before), endpoint.now)
    assert endpoint.health.streak.exhausted == 1
    assert endpoint.health.status is ACTIVE


def test_failing_for_five_days() -> None:
    """Failures for five days disable it with the first failure then; a moment before does not."""
    endpoint = SimulatedEndpoint(STANDARD)
    endpoint.fail()
    endpoint.wait(days=4, hours=23, minutes=59)
    endpoint.fail()
    assert endpoint.health.status is ACTIVE
    endpoint.wait(minutes=1)
    endpoint.fail()
    assert endpoint.health.disabled_reason is DisabledReason.FAILING_TOO_LONG
    [notice] = endpoint.notices("endpoint.disabled")
    assert notice["reason"] == "failing_too_long"
    assert notice["failing_since"] == "2026-01-15T10:00:00.000Z"
    assert notice["consecutive_failures"] == 3
    assert notice["next_probe_at"] == "2026-01-20T10:01:00.000Z"


def test_one_failure_long_ago_is_no_streak_of_days() -> None:
    """Silence does not disable: time counts only when a failure comes."""
    endpoint = SimulatedEndpoint(STANDARD)
    endpoint.fail()
    endpoint.wait(days=30)
    assert endpoint.health.status is ACTIVE
    assert endpoint.health.due(endpoint.now) is None


def test_gone() -> None:
    """410 disables at once where the rule has it; then nothing is probed, and held ones end."""
    endpoint = SimulatedEndpoint(STANDARD)
    endpoint.hold()
    endpoint.fail(410)
    assert (endpoint.health.status, endpoint.health.disabled_reason) == (
        DISABLED,
        DisabledReason.GONE,
    )
    assert endpoint.health.next_probe_at is None
    assert endpoint.health.gone
    endpoint.health.announced = DISABLED
    endpoint.health.notices.published(100)
    assert endpoint.health.due(endpoint.now).duty is Duty.CANCEL_HELD
    endpoint.health.probe_soon(endpoint.now)
    assert endpoint.health.next_probe_at is None


def test_probe_that_finds_it_gone() -> None:
    """410 to a probe turns it gone, whichever of report and end of the probe comes first."""
    for report_first in (True, False):
        endpoint = disabled(DeactivationRule(exhausted_in_a_row=1, gone=True))
        endpoint.now = endpoint.health.next_probe_at
        if report_first:
            endpoint.fail(410, probe=True, was_held=True, is_held=True)
            endpoint.health.probed(endpoint.now, found=True)
        else:
            endpoint.health.probed(endpoint.now, found=True)
            endpoint.fail(410, probe=True, was_held=True, is_held=True)
        assert endpoint.health.gone
        assert endpoint.health.next_probe_at is None
        assert [notice["reason"] for notice in endpoint.notices("endpoint.disabled")] == [
            "exhausted",
            "gone",
        ]


def test_blocked_destination_disables_under_any_rule() -> None:
    """An address that may not be reached disables it at once, whatever its rule leaves out."""
    endpoint = SimulatedEndpoint()
    endpoint.take(outcome=Outcome.BLOCKED_DESTINATION)
    assert endpoint.health.disabled_reason is DisabledReason.BLOCKED_DESTINATION
    assert endpoint.health.next_probe_at == endpoint.now + timedelta(minutes=1)


def test_failure_rate_needs_its_minimum() -> None:
    """Three quarters of failures disable it once there are enough attempts, in its window only."""
    rule = DeactivationRule(failure_rate=FailureRate(share=0.75, at_least=20))
    endpoint = SimulatedEndpoint(rule)
    for _ in range(4):
        endpoint.deliver()
    for _ in range(15):
        endpoint.fail()
    assert endpoint.health.status is ACTIVE
    endpoint.fail()
    assert endpoint.health.disabled_reason is DisabledReason.FAILURE_RATE
    slow = SimulatedEndpoint(rule)
    for _ in range(100):
        slow.fail()
        slow.wait(minutes=5)
    assert slow.health.status is ACTIVE


def test_failure_rate_over_a_day() -> None:
    """A rate over a day counts what the hour has forgotten."""
    endpoint = SimulatedEndpoint(
        DeactivationRule(failure_rate=FailureRate(share=1, over="day", at_least=10))
    )
    for _ in range(10):
        endpoint.fail()
        endpoint.wait(hours=2)
    assert endpoint.health.disabled_reason is DisabledReason.FAILURE_RATE


def test_rate_of_the_outage_does_not_count_after_it() -> None:
    """Recovered, it is not disabled by the next failure for the rate that it had before."""
    rule = DeactivationRule(failure_rate=FailureRate(share=0.5, at_least=10))
    endpoint = SimulatedEndpoint(rule)
    for _ in range(10):
        endpoint.fail()
    endpoint.hold()
    endpoint.probe_succeeds()
    assert endpoint.health.status is ACTIVE
    endpoint.fail()
    assert endpoint.health.status is ACTIVE
    endpoint.wait(minutes=10)
    for _ in range(10):
        endpoint.fail()
    assert endpoint.health.status is DISABLED


def test_rule_of_the_moment_holds() -> None:
    """The rule that comes with the reports decides: a change needs nothing else."""
    endpoint = SimulatedEndpoint()
    endpoint.exhaust()
    endpoint.exhaust()
    endpoint.rule = DeactivationRule(exhausted_in_a_row=3)
    endpoint.exhaust()
    assert endpoint.health.status is DISABLED
