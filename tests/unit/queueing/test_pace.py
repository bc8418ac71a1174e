"""The pace of turns: however late turns are given, no ten seconds have many more than the limit."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hookwright.queueing import QueuePace

BEGIN = datetime(2026, 1, 15, tzinfo=UTC)
WINDOW = timedelta(seconds=10)

rates = st.floats(min_value=0.2, max_value=20)
# Long runs at the limit with a delay now and then: where each turn is late, the limit is not near.
latenesses = st.lists(
    st.tuples(st.integers(0, 150), st.floats(min_value=0, max_value=3)), min_size=1, max_size=5
).map(lambda runs: [late for number, last in runs for late in [*[0.0] * number, last]])


def turns(per_second: float, late_by: list[float]) -> list[datetime]:
    """Return the times of turns of which each is given so many seconds after it was due."""
    pace, now, times = QueuePace(), BEGIN, []
    for seconds in late_by:
        now = max(now, pace.next_at(now, 1 / per_second)) + timedelta(seconds=seconds)
        pace = pace.after_turn(now, 1 / per_second)
        times.append(now)
    return times


@given(per_second=rates, late_by=latenesses)
def test_no_ten_seconds_have_more_than_the_limit(per_second: float, late_by: list[float]) -> None:
    """Any ten seconds have at most 3.1 % more turns than the limit, and the first one."""
    times = turns(per_second, late_by)
    for first, begin in enumerate(times):
        within = bisect_left(times, begin + WINDOW) - first
        assert within <= 10 * per_second * 1.031 + 1


@given(per_second=st.floats(min_value=1, max_value=50), number=st.integers(50, 300))
def test_turns_that_are_a_little_late_are_caught_up_with(per_second: float, number: int) -> None:
    """A hundredth of an interval of delay at each turn does not lower the rate."""
    interval = 1 / per_second
    times = turns(per_second, [interval / 100] * number)
    assert times[-1] - times[0] <= timedelta(seconds=interval * (number - 1) * 1.001 + interval)


def test_what_was_missed_long_ago_is_not_made_up_for() -> None:
    """After an idle hour there is no burst: turns are as far apart as ever, less one second."""
    pace = QueuePace().after_turn(BEGIN, 1.0)
    later = BEGIN + timedelta(hours=1)
    assert pace.next_at(later, 1.0) <= later
    after = pace.after_turn(later, 1.0)
    assert after.next_at(later, 1.0) >= later + timedelta(seconds=0.97)
    times = [later]
    for _ in range(200):
        times.append(after.next_at(times[-1], 1.0))
        after = after.after_turn(times[-1], 1.0)
    assert times[-1] - times[0] >= timedelta(seconds=200 - 1.1)


def test_a_new_limit_makes_a_new_plan() -> None:
    """After a turn at one in a hundred seconds, the next one may be due in a tenth of a second."""
    pace = QueuePace().after_turn(BEGIN, 100.0)
    assert pace.next_at(BEGIN, 100.0) >= BEGIN + timedelta(seconds=97)
    assert pace.next_at(BEGIN, 0.1) == BEGIN + timedelta(seconds=0.1)
    assert pace.next_at(BEGIN, 0.0) == BEGIN


@given(interval=st.floats(min_value=0.0, max_value=3_600.0), ahead=st.integers(61, 86_400))
def test_a_clock_that_was_wrong_stops_no_queue(interval: float, ahead: int) -> None:
    """After a turn of a worker whose clock was ahead the next one is due at once, not then."""
    wrong = BEGIN + timedelta(seconds=ahead)
    pace = QueuePace().after_turn(wrong, interval)
    assert pace.next_at(BEGIN, interval) == BEGIN
    after = pace.after_turn(BEGIN, interval)
    assert after.next_at(BEGIN, interval) <= BEGIN + timedelta(seconds=interval)
