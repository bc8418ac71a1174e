"""Reports of deliveries: each counts once, and what is kept of them is bounded."""

from support.health import ACTIVE, SimulatedEndpoint, report

from hookwright.contracts import DeactivationRule
from hookwright.contracts.deactivation import FailureRate
from hookwright.health import Health, Reports
from hookwright.health.known_reports import MAX_KNOWN_REPORTS
from hookwright.outcomes import DeliveryState, Outcome


def test_repeated_reports_count_once() -> None:
    """A report with a known key changes nothing: in one signal, in two, or after a save."""
    endpoint = SimulatedEndpoint(DeactivationRule(exhausted_in_a_row=3))
    same = report(
        endpoint.now,
        key="once",
        outcome=Outcome.HTTP_ERROR,
        ended=DeliveryState.EXHAUSTED,
        is_held=True,
    )
    signal = Reports(rule=endpoint.rule, reports=[same, same])
    endpoint.health.take(signal, endpoint.now)
    endpoint.health.take(signal, endpoint.now)
    endpoint.health = Health.model_validate_json(endpoint.health.model_dump_json())
    endpoint.health.take(signal, endpoint.now)
    assert (endpoint.health.streak.exhausted, endpoint.health.queue.held) == (1, 1)
    assert endpoint.health.counts.last_hour(endpoint.now) == (0, 1)


def test_known_keys_are_bounded() -> None:
    """The last five thousand keys are known, not all that there ever were."""
    endpoint = SimulatedEndpoint()
    for _ in range(MAX_KNOWN_REPORTS // 1000 + 2):
        reports = [report(endpoint.now) for _ in range(1000)]
        endpoint.health.take(Reports(reports=reports), endpoint.now)
    assert len(endpoint.health.known) == MAX_KNOWN_REPORTS
    assert endpoint.health.known.root[-1] == reports[-1].key


def test_operational_events_change_no_health() -> None:
    """Failed, exhausted and expired operational deliveries warn of nothing and disable nobody."""
    endpoint = SimulatedEndpoint(
        DeactivationRule(
            exhausted_in_a_row=1,
            failing_for_seconds=1,
            gone=True,
            failure_rate=FailureRate(share=0.1, at_least=1),
        )
    )
    for status in (500, 410, 429):
        endpoint.exhaust(status=status, operational=True)
        endpoint.wait(days=1)
    endpoint.take(outcome=Outcome.BLOCKED_DESTINATION, operational=True)
    endpoint.take(ended=DeliveryState.EXPIRED, was_held=True, operational=True)
    assert endpoint.health.notices.waiting == []
    assert endpoint.health.status is ACTIVE
    assert endpoint.health.streak.failures == 0


def test_ended_deliveries_make_notices() -> None:
    """An exhausted and an expired delivery each make a notice with the event's id and type."""
    endpoint = SimulatedEndpoint()
    endpoint.exhaust(event_id="evt_a", attempts=10)
    endpoint.take(ended=DeliveryState.EXPIRED, was_held=True, event_id="evt_b", attempts=2)
    assert endpoint.notices("delivery.exhausted") == [
        {
            "event_id": "evt_a",
            "event_type": "a.b",
            "attempts": 10,
            "last_outcome": "http_error",
            "last_status_code": 500,
        }
    ]
    assert [notice["event_id"] for notice in endpoint.notices("delivery.expired")] == ["evt_b"]
    numbers = [notice.number for notice in endpoint.health.notices.waiting]
    endpoint.health.notices.published(1)
    endpoint.exhaust()
    assert [notice.number for notice in endpoint.health.notices.waiting] == [numbers[1], 3]


def test_held_is_never_negative() -> None:
    """More that leave than came make zero, not less."""
    endpoint = SimulatedEndpoint()
    endpoint.take(was_held=True)
    endpoint.hold()
    for _ in range(3):
        endpoint.deliver(was_held=True)
    assert endpoint.health.queue.held == 0


def test_turned_away_after_a_killed_attempt_is_counted_again() -> None:
    """Released and turned away changes no count, unless its attempt's report was stored before."""
    endpoint = SimulatedEndpoint()
    endpoint.hold()
    attempt = report(endpoint.now, was_held=True, outcome=Outcome.HTTP_ERROR, delivery="d1")
    again = report(endpoint.now, was_held=True, is_held=True, delivery="d1")
    endpoint.health.take(Reports(reports=[again]), endpoint.now)
    assert endpoint.health.queue.held == 1
    endpoint.health.take(Reports(reports=[attempt]), endpoint.now)
    assert endpoint.health.queue.held == 0
    other = report(endpoint.now, was_held=True, is_held=True, delivery="d1")
    endpoint.health.take(Reports(reports=[other]), endpoint.now)
    assert endpoint.health.queue.held == 1
