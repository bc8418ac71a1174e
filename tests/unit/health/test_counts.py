"""Attempts over a rolling hour and day."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.health import BEGIN

from hookwright.health import latencies_of, quantile
from hookwright.health.counts import DAY, HOUR, STEPS, Counts, Figures, Step
from hookwright.outcomes import Outcome

GAPS = st.lists(st.floats(0, 4 * 3600), max_size=40)
ATTEMPTS = st.lists(
    st.tuples(st.floats(0, 4 * 3600), st.sampled_from(Outcome), st.integers(0, 60_000)), max_size=40
)


def failures(number: int, outcome: Outcome = Outcome.HTTP_ERROR) -> Figures:
    return Figures(failed=number, faults=Counter({outcome: number}))


def test_nothing_counts_for_longer_than_its_span() -> None:
    """What was an hour ago, or a day, has left the sum."""
    counts = Counts()
    counts.add(BEGIN, Figures(delivered=3))
    counts.add(BEGIN, failures(2))
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
        counts.add(now, failures(1))
        times.append(now)
        for span, (_, failed) in ((HOUR, counts.last_hour(now)), (DAY, counts.last_day(now))):
            recent = sum(time > now - span for time in times)
            surely = sum(time > now - span + span / STEPS for time in times)
            assert surely <= failed <= recent
        assert max(len(counts.hour), len(counts.day)) <= STEPS


@given(ATTEMPTS)
def test_saving_changes_nothing(attempts: list[tuple[float, Outcome, int]]) -> None:
    """Counts are the same after they were stored and read."""
    counts, now = Counts(), BEGIN
    for gap, outcome, duration in attempts:
        now += timedelta(seconds=gap)
        counts.add_one(now, outcome, duration)
    assert Counts.model_validate_json(counts.model_dump_json()) == counts


def test_since_leaves_out_what_was_before() -> None:
    """Only steps that began after the given time count: none from before it does."""
    counts = Counts()
    counts.add(BEGIN, failures(5))
    since = BEGIN + timedelta(minutes=1)
    counts.add(since, failures(5))
    assert counts.last_hour(since, since) == (0, 0)
    later = BEGIN + timedelta(minutes=6)
    counts.add(later, Figures(delivered=1))
    assert counts.last_hour(later, since) == (1, 0)
    assert counts.last_day(later, BEGIN - DAY) == (1, 10)


@pytest.mark.parametrize("span", [HOUR, DAY])
@given(attempts=ATTEMPTS, wait=st.floats(0, 2 * 86_400))
def test_totals_are_those_of_a_plain_list(
    span: timedelta, attempts: list[tuple[float, Outcome, int]], wait: float
) -> None:
    """A total says since when it counts, and is what a list of all attempts since then says."""
    counts, now, made = Counts(), BEGIN, []
    for gap, outcome, duration in attempts:
        now += timedelta(seconds=gap)
        counts.add_one(now, outcome, duration)
        made.append((now, outcome, duration))
    now += timedelta(seconds=wait)
    total = counts.total(now, span)
    assert span - span / STEPS <= now - total.start <= span
    recent = [(outcome, duration) for at, outcome, duration in made if at >= total.start]
    outcomes = Counter(outcome for outcome, _ in recent)
    assert total.delivered == outcomes.pop(Outcome.DELIVERED, 0)
    assert total.failed == outcomes.total()
    assert total.faults == outcomes
    assert sum(total.latencies) == len(recent)
    durations = sorted(duration for _, duration in recent)
    if durations:
        assert quantile(total.latencies, 1.0) == quantile(latencies_of(durations[-1]), 1.0)
    last = counts.last_hour(now) if span == HOUR else counts.last_day(now)
    assert last == (total.delivered, total.failed)


def test_what_was_stored_before_outcomes_counts_on() -> None:
    """Steps of older histories, which have neither outcomes nor latencies, stay in the sums."""
    old = {"start": BEGIN.isoformat(), "delivered": 3, "failed": 2}
    counts = Counts.model_validate({"hour": [old], "day": [old]})
    counts.add_one(BEGIN, Outcome.TIMEOUT, 15_000)
    assert counts.total(BEGIN, HOUR) == Step(
        start=BEGIN - HOUR + HOUR / STEPS,
        delivered=3,
        failed=3,
        faults=Counter({Outcome.TIMEOUT: 1}),
        latencies=latencies_of(15_000),
    )
