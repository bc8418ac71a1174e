"""What is counted as held is held against visibility when it comes to rest."""

import itertools
from datetime import timedelta

from support.health import BEGIN, SimulatedEndpoint, report

from hookwright.health import Duty, Reports
from hookwright.health.queue import COUNT_INTERVAL, RECOUNT_AFTER, SETTLED_AFTER


def count(endpoint: SimulatedEndpoint, found: int) -> None:
    """Let the time of the next count come."""
    endpoint.now = max(endpoint.now, endpoint.health.queue.next_count_at)
    endpoint.health.counted(endpoint.now, found, endpoint.health.held_moved_at)


def test_nothing_held_is_never_counted() -> None:
    """An endpoint that never held anything asks visibility for nothing."""
    endpoint = SimulatedEndpoint()
    for _ in range(100):
        endpoint.fail()
        endpoint.deliver()
    assert endpoint.health.queue.next_count_at is None


def test_one_too_few_is_found() -> None:
    """At zero it looks once visibility has settled; what it finds is let go, and can expire."""
    endpoint = SimulatedEndpoint()
    endpoint.hold()
    endpoint.deliver(was_held=True)
    assert endpoint.health.queue.next_count_at == endpoint.now + SETTLED_AFTER
    count(endpoint, 1)
    assert endpoint.health.queue.held == 1
    assert endpoint.health.queue.next_expiry_at
    assert endpoint.health.due(endpoint.now).duty is Duty.RELEASE


def test_zero_is_looked_at_twice() -> None:
    """When it stays zero it looks after an hour again, and then no more."""
    endpoint = SimulatedEndpoint()
    endpoint.hold()
    endpoint.deliver(was_held=True)
    began = endpoint.now
    count(endpoint, 0)
    assert endpoint.health.queue.next_count_at == began + RECOUNT_AFTER
    count(endpoint, 0)
    assert endpoint.health.queue.next_count_at is None
    assert endpoint.health.due(endpoint.now) is None


def test_zero_is_counted_once_a_minute_at_most() -> None:
    """A queue that empties every second is not counted every second."""
    endpoint, counts = SimulatedEndpoint(), []
    for _ in range(600):
        endpoint.hold()
        endpoint.wait(seconds=1)
        endpoint.deliver(was_held=True)
        endpoint.wait(seconds=15)
        if endpoint.now >= endpoint.health.queue.next_count_at:
            endpoint.health.counted(endpoint.now, 0, endpoint.health.held_moved_at)
            counts.append(endpoint.now)
    gaps = [later - earlier for earlier, later in itertools.pairwise(counts)]
    assert len(counts) > 10
    assert min(gaps) >= COUNT_INTERVAL


def test_a_count_that_was_overtaken_is_ignored() -> None:
    """What is held while visibility counts is not forgotten: that count is out of date."""
    endpoint = SimulatedEndpoint()
    endpoint.hold()
    moved_at = endpoint.health.held_moved_at
    endpoint.wait(seconds=1)
    endpoint.hold()
    endpoint.health.counted(endpoint.now, 1, moved_at)
    assert endpoint.health.queue.held == 2


def test_what_is_not_there_is_forgotten_in_an_hour() -> None:
    """Held, and erased or terminated by hand: an hour after the last movement it is not counted."""
    endpoint = SimulatedEndpoint()
    endpoint.hold(3)
    endpoint.wait(minutes=30)
    endpoint.deliver(was_held=True)
    assert endpoint.health.queue.next_count_at == endpoint.now + RECOUNT_AFTER
    count(endpoint, 0)
    assert (endpoint.health.queue.held, endpoint.health.queue.next_expiry_at) == (0, None)
    assert endpoint.now == BEGIN + timedelta(minutes=90)
    count(endpoint, 1)  # it was about to park: its worker was away for an hour
    assert endpoint.health.queue.held == 1


def test_the_right_number_is_confirmed_every_hour() -> None:
    """What is held for days is counted once an hour, and nothing else changes."""
    endpoint = SimulatedEndpoint()
    endpoint.health.pause(endpoint.now)
    endpoint.hold(2)
    for hours in range(1, 5):
        count(endpoint, 2)
        assert endpoint.now == BEGIN + timedelta(hours=hours)
    assert endpoint.health.queue.held == 2


def test_after_a_correction_reports_go_by_their_own_logs() -> None:
    """What was heard of deliveries before belongs to the old number, and is forgotten."""
    endpoint = SimulatedEndpoint()
    parked = report(endpoint.now, is_held=True, delivery="d1")
    endpoint.health.take(Reports(reports=[parked]), endpoint.now)
    count(endpoint, 0)
    assert endpoint.health.queue.held == 0
    endpoint.health.take(
        Reports(reports=[parked]), endpoint.now
    )  # its worker comes back, and parks it
    assert endpoint.health.queue.held == 1
