"""What is counted as held is held against visibility when it comes to rest."""

import itertools
from datetime import timedelta

from support.health import BEGIN, Life, report

from hookwright.health import Duty, Reports
from hookwright.health.queue import COUNT_INTERVAL, RECOUNT_AFTER, SETTLED_AFTER


def count(life: Life, found: int) -> None:
    """Let the time of the next count come."""
    life.now = max(life.now, life.health.queue.next_count_at)
    life.health.counted(life.now, found, life.health.held_moved_at)


def test_nothing_held_is_never_counted() -> None:
    """An endpoint that never held anything asks visibility for nothing."""
    life = Life()
    for _ in range(100):
        life.fail()
        life.deliver()
    assert life.health.queue.next_count_at is None


def test_one_too_few_is_found() -> None:
    """At zero it looks once visibility has settled; what it finds is let go, and can expire."""
    life = Life()
    life.park()
    life.deliver(was_held=True)
    assert life.health.queue.next_count_at == life.now + SETTLED_AFTER
    count(life, 1)
    assert life.health.queue.held == 1
    assert life.health.queue.next_expiry_at
    assert life.health.due(life.now).duty is Duty.RELEASE


def test_zero_is_looked_at_twice() -> None:
    """When it stays zero it looks after an hour again, and then no more."""
    life = Life()
    life.park()
    life.deliver(was_held=True)
    began = life.now
    count(life, 0)
    assert life.health.queue.next_count_at == began + RECOUNT_AFTER
    count(life, 0)
    assert life.health.queue.next_count_at is None
    assert life.health.due(life.now) is None


def test_zero_is_counted_once_a_minute_at_most() -> None:
    """A queue that empties every second is not counted every second."""
    life, counts = Life(), []
    for _ in range(600):
        life.park()
        life.wait(seconds=1)
        life.deliver(was_held=True)
        life.wait(seconds=15)
        if life.now >= life.health.queue.next_count_at:
            life.health.counted(life.now, 0, life.health.held_moved_at)
            counts.append(life.now)
    gaps = [later - earlier for earlier, later in itertools.pairwise(counts)]
    assert len(counts) > 10
    assert min(gaps) >= COUNT_INTERVAL


def test_what_is_not_there_is_forgotten_in_an_hour() -> None:
    """Held, and erased or terminated by hand: an hour after the last movement it is not counted."""
    life = Life()
    life.park(3)
    life.wait(minutes=30)
    life.deliver(was_held=True)
    assert life.health.queue.next_count_at == life.now + RECOUNT_AFTER
    count(life, 0)
    assert (life.health.queue.held, life.health.queue.next_expiry_at) == (0, None)
    assert life.now == BEGIN + timedelta(minutes=90)
    count(life, 1)  # it was about to park: its worker was away for an hour
    assert life.health.queue.held == 1


def test_the_right_number_is_confirmed_every_hour() -> None:
    """What is held for days is counted once an hour, and nothing else changes."""
    life = Life()
    life.health.pause()
    life.park(2)
    for hours in range(1, 5):
        count(life, 2)
        assert life.now == BEGIN + timedelta(hours=hours)
    assert life.health.queue.held == 2


def test_after_a_correction_reports_go_by_their_own_logs() -> None:
    """What was heard of deliveries before belongs to the old number, and is forgotten."""
    life = Life()
    parked = report(life.now, is_held=True, delivery="d1")
    life.health.take(Reports(reports=[parked]), life.now)
    count(life, 0)
    assert life.health.queue.held == 0
    life.health.take(Reports(reports=[parked]), life.now)  # its worker comes back, and parks it
    assert life.health.queue.held == 1
