"""The pace at which held deliveries are released, and that no delivery is forgotten."""

from datetime import datetime, timedelta

import pytest
from support.health import BEGIN

from hookwright.health.queue import MAX_PACE, MAX_PAUSE_SECONDS, HeldQueue


def queue(held: int, **fields: object) -> HeldQueue:
    it = HeldQueue(**fields)
    for _ in range(held):
        it.moved(BEGIN, was_held=False, is_held=True)
    return it


def leave(it: HeldQueue, number: int) -> None:
    for _ in range(number):
        it.moved(BEGIN, was_held=True, is_held=False)


@pytest.mark.parametrize(
    ("top", "speeds"),
    [(10, [1, 2, 4, 8, 10, 10]), (0.1, [0.1] * 6), (3, [1, 2, 3, 3, 3, 3])],
)
def test_pace_doubles_up_to_the_top(top: float, speeds: list[float]) -> None:
    """Each release that goes well doubles the pace, and none exceeds the endpoint's rate."""
    it = queue(1_000)
    it.drain(BEGIN)
    seen = []
    for _ in speeds:
        seen.append(it.release_pace(top))
        leave(it, 10)
        it.released(BEGIN, 10, top)
    assert seen == pytest.approx(speeds)


def test_a_queue_that_grows_is_outgrown() -> None:
    """At its top, with more coming than leaving, it goes faster, to a limit, until it is empty."""
    it = queue(100, pace=10.0)
    it.held_at_release = 100
    speeds = []
    for _ in range(20):
        it.moved(BEGIN, was_held=False, is_held=True)
        it.released(BEGIN, 50, 10)
        speeds.append(it.release_pace(10))
    assert speeds[:3] == pytest.approx([15, 22.5, 33.75])
    assert speeds[-1] == pytest.approx(MAX_PACE)
    leave(it, 60)
    it.released(BEGIN, 50, 10)
    assert it.release_pace(10) == pytest.approx(MAX_PACE)
    it.open()
    assert it.release_pace(10) == 1.0


def test_a_lowered_rate_holds_at_once() -> None:
    """A drain rate that is changed on the way is kept by the next release."""
    it = queue(100, pace=64.0)
    assert it.release_pace(5) == 5


def test_a_failure_starts_the_pace_anew() -> None:
    """Slowed down, it begins with one a second again, and the release in flight adds nothing."""
    it = queue(100, pace=8.0, catch_up_factor=2.0)
    it.slow_down(BEGIN, None)
    it.released(BEGIN, 5, 10)
    assert it.release_pace(10) == 1.0
    it.drain(it.throttled_until)
    assert it.release_pace(10) == 1.0


def pauses_in_a_row(it: HeldQueue, number: int, successes: int) -> tuple[list[float], datetime]:
    """Fail after each pause, with so many successes between; return the pauses, and their end."""
    now, pauses = BEGIN, []
    for _ in range(number):
        it.slow_down(now, None)
        pauses.append((it.throttled_until - now).total_seconds())
        now = it.throttled_until
        it.drain(now)
        it.succeeded(successes)
    return pauses, now


def test_pauses_double_to_a_limit() -> None:
    """Each pause after the last is twice as long, to five minutes; a good end forgets them."""
    it = queue(5)
    pauses, now = pauses_in_a_row(it, 12, successes=0)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, *[MAX_PAUSE_SECONDS] * 3]
    it.open()
    it.slow_down(now, None)
    assert (it.throttled_until - now).total_seconds() == 1


def test_successes_shorten_the_next_pause() -> None:
    """A receiver that takes two of three deliveries waits for 1 s, or as long as it asks."""
    it = queue(5)
    pauses, now = pauses_in_a_row(it, 20, successes=2)
    assert pauses == [1.0] * 20
    it.slow_down(now, 30)
    assert (it.throttled_until - now).total_seconds() == 30


def test_a_storm_of_failures_is_one_pause() -> None:
    """What fails during a pause was sent before it: it makes the pause no longer."""
    it = queue(1)
    for _ in range(100):
        it.slow_down(BEGIN, None)
    assert it.throttled_until == BEGIN + timedelta(seconds=1)


def test_what_was_not_found_is_looked_for_again() -> None:
    """Looks come at growing distances; after the fifth new deliveries pass, and looks go on."""
    it, now, waits = queue(1), BEGIN, []
    it.drain(now)
    for look in range(10):
        assert it.queueing == (look < 5)
        it.released(now, 0, 10)
        waits.append((it.next_release_at - now).total_seconds())
        now = it.next_release_at
    assert waits == [1, 1, 2, 4, 8, 60, 300, 1_800, 3_600, 3_600]
    assert it.release_due_at(now) == now


def test_one_that_parks_just_as_it_comes_back_is_looked_for_at_once() -> None:
    """A delivery that parks after the drain found nothing is due at once, not in an hour."""
    it, now = queue(1), BEGIN
    for _ in range(9):
        it.released(now, 0, 10)
        now = it.next_release_at
    now -= timedelta(minutes=30)
    it.moved(now, was_held=False, is_held=True)
    assert it.release_due_at(now) == now
    late = queue(0)
    late.open()
    late.moved(BEGIN, was_held=False, is_held=True)
    assert late.release_due_at(BEGIN) == BEGIN


def test_empty_is_due_for_nothing_but_opening() -> None:
    """Nothing held: a drain opens, a throttled endpoint opens later, an open one does nothing."""
    it = queue(0)
    assert it.release_due_at(BEGIN) is None
    it.drain(BEGIN)
    assert it.release_due_at(BEGIN) == BEGIN
    it.open()
    it.slow_down(BEGIN, 30)
    assert it.release_due_at(BEGIN) == BEGIN + timedelta(seconds=30)


def test_stopped_lets_nothing_go() -> None:
    """Paused in the middle of a drain, there is no queue to let go, and what is held stays."""
    it = queue(7)
    it.drain(BEGIN)
    it.stop()
    assert not it.queueing
    assert (it.held, it.next_release_at) == (7, None)


def test_expiry_is_looked_for_while_anything_is_held() -> None:
    """The first that parks sets the look, the last that leaves takes it away."""
    it = queue(2)
    first = it.next_expiry_at
    assert first > BEGIN
    it.moved(BEGIN + timedelta(seconds=5), was_held=False, is_held=True)
    assert it.next_expiry_at == first
    leave(it, 3)
    assert it.next_expiry_at is None
