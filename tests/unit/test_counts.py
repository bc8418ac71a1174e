"""Attempts over a rolling hour and day."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from support.health import BEGIN

from hookwright.counts import DAY, HOUR, STEPS, Counts

GAPS = st.lists(st.floats(0, 4 * 3600), max_size=40)


def test_nothing_counts_for_longer_than_its_span() -> None:
    """What was an hour ago, or a day, has left the sum."""
    counts = Counts()
    counts.add(BEGIN, delivered=3, failed=2)
    assert counts.last_hour(BEGIN) == counts.last_day(BEGIN) == (3, 2)
    assert counts.last_hour(BEGIN + HOUR) == (0, 0)
    assert counts.last_day(BEGIN + HOUR) == (3, 2)
    assert counts.last_day(BEGIN + DAY) == (0, 0)


@given(GAPS)
def test_sums_are_exact_to_a_step(gaps: list[float]) -> None:
    """A sum lies between the span's attempts and those of a span shorter by one step."""
    counts, now, times = Counts(), BEGIN, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        counts.add(now, failed=1)
        times.append(now)
        for span, (_, failed) in ((HOUR, counts.last_hour(now)), (DAY, counts.last_day(now))):
            recent = sum(time > now - span for time in times)
            surely = sum(time > now - span + span / STEPS for time in times)
            assert surely <= failed <= recent
        assert max(len(counts.hour), len(counts.day)) <= STEPS


@given(GAPS)
def test_saving_changes_nothing(gaps: list[float]) -> None:
    """Counts are the same after they were stored and read."""
    counts, now = Counts(), BEGIN
    for gap in gaps:
        now += timedelta(seconds=gap)
        counts.add(now, delivered=1)
    assert Counts.model_validate_json(counts.model_dump_json()) == counts


def test_since_leaves_out_what_was_before() -> None:
    """Only steps that began after the given time count: none from before it does."""
    counts = Counts()
    counts.add(BEGIN, failed=5)
    since = BEGIN + timedelta(minutes=1)
    counts.add(since, failed=5)
    assert counts.last_hour(since, since) == (0, 0)
    later = BEGIN + timedelta(minutes=6)
    counts.add(later, delivered=1)
    assert counts.last_hour(later, since) == (1, 0)
    assert counts.last_day(later, BEGIN - DAY) == (1, 10)
