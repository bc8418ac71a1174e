"""When the next attempt is due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hookwright.contracts import (
    Backoff,
    Retry,
    RetryRule,
    effective_rule,
    load_contracts,
    next_delay,
)
from hookwright.contracts.retries import Table

DAY = 86_400
STANDARD = load_contracts()["standard"].retry
DELAYS = st.floats(0.001, 7 * DAY)
TABLES = st.lists(DELAYS, max_size=30)


def test_standard_schedule():
    """The standard table is the specification's: ten attempts over 75 h 35 min 5 s."""
    minute, hour = 60, 3600
    assert STANDARD.delays_seconds == (
        5,
        5 * minute,
        30 * minute,
        2 * hour,
        5 * hour,
        10 * hour,
        14 * hour,
        20 * hour,
        24 * hour,
    )
    assert len(STANDARD.delays_seconds) + 1 == 10
    assert sum(STANDARD.delays_seconds) == 75 * hour + 35 * minute + 5
    assert STANDARD.jitter == 0.1
    assert STANDARD.honours_retry_after


@given(delays=TABLES, jitter=st.floats(0, 0.99))
def test_jitter_stays_in_its_bounds(delays, jitter):
    """Every delay lies within the jitter around its step of the table, in the table's order."""
    rule = RetryRule(delays_seconds=tuple(delays), jitter=jitter)
    for attempts_made, delay in enumerate(delays, start=1):
        given_delay = next_delay(rule, attempts_made, None)
        assert given_delay is not None
        assert delay * (1 - jitter) * 0.999999 <= given_delay <= delay * (1 + jitter) * 1.000001


def test_jitter_spreads():
    """Receivers that failed together do not come back together: both sides of the step occur."""
    drawn = [next_delay(STANDARD, 2, None) or 0 for _ in range(200)]
    assert min(drawn) < 295
    assert max(drawn) > 305


@given(delays=TABLES)
def test_published_tables_are_exact(delays):
    """Without jitter the delay is the table's, to the digit."""
    rule = RetryRule(delays_seconds=tuple(delays))
    assert [next_delay(rule, made + 1, None) for made in range(len(delays))] == delays


@given(delays=TABLES, beyond=st.integers(1, 40), asked=st.none() | st.floats(0, 1e12))
def test_the_table_runs_out(delays, beyond, asked):
    """After the last step there is no next attempt, whatever the receiver asks for."""
    assert next_delay(RetryRule(delays_seconds=tuple(delays)), len(delays) + beyond, asked) is None


@given(delay=DELAYS, asked=st.floats(0, allow_nan=False))
def test_retry_after_is_honoured(delay, asked):
    """Retry-After lengthens the schedule's delay, to at most a day, and never shortens it."""
    given_delay = next_delay(RetryRule(delays_seconds=(delay,)), 1, asked)
    assert given_delay == max(delay, min(asked, DAY))


@given(delay=DELAYS, asked=st.floats(0, allow_nan=False))
def test_retry_after_where_the_contract_does_not_honour_it(delay, asked):
    """A contract that does not honour Retry-After keeps its own delay."""
    rule = RetryRule(delays_seconds=(delay,), honours_retry_after=False)
    assert next_delay(rule, 1, asked) == delay


def test_backoff_delays():
    """Exponential doubles from the first delay; fixed repeats it; both as often as asked."""
    exponential = Backoff(strategy="exponential", max_retries=3, delay_seconds=60)
    fixed = Backoff(strategy="fixed", max_retries=3, delay_seconds=60)
    none = Backoff(strategy="fixed", max_retries=0, delay_seconds=60)
    assert exponential.delays() == (60, 120, 240)
    assert fixed.delays() == (60, 60, 60)
    assert none.delays() == ()


@given(strategy=st.sampled_from(["exponential", "fixed"]), retries=st.integers(0, 30), delay=DELAYS)
def test_every_backoff_is_a_rule(strategy, retries, delay):
    """What an endpoint may set gives a valid rule: never above seven days, never falling."""
    own = Backoff(strategy=strategy, max_retries=retries, delay_seconds=delay)
    rule = effective_rule(STANDARD, own)
    assert len(rule.delays_seconds) == retries
    assert list(rule.delays_seconds) == sorted(rule.delays_seconds)
    assert all(delay <= step <= 7 * DAY for step in rule.delays_seconds)


def test_an_endpoints_own_table_replaces_the_contracts():
    """An endpoint's table is followed exactly, without jitter; Retry-After stays the contract's."""
    quiet = STANDARD.model_copy(update={"honours_retry_after": False})
    own = effective_rule(quiet, Table(schedule_seconds=[5, 300]))
    assert own == RetryRule(delays_seconds=(5, 300), jitter=0, honours_retry_after=False)
    assert effective_rule(quiet, None) is quiet


@pytest.mark.parametrize(
    "own",
    [
        {"strategy": "exponential", "max_retries": 31, "delay_seconds": 60},
        {"strategy": "exponential", "max_retries": -1, "delay_seconds": 60},
        {"strategy": "fixed", "max_retries": 1, "delay_seconds": 0},
        {"strategy": "fixed", "max_retries": 1, "delay_seconds": -5},
        {"strategy": "fixed", "max_retries": 1, "delay_seconds": 7 * DAY + 1},
        {"strategy": "fixed", "max_retries": 1, "delay_seconds": float("inf")},
        {"strategy": "fixed", "max_retries": 1, "delay_seconds": float("nan")},
        {"strategy": "linear", "max_retries": 1, "delay_seconds": 1},
        {"strategy": "fixed", "max_retries": 1, "delay_seconds": 1, "schedule_seconds": [1]},
        {"schedule_seconds": [1] * 31},
        {"schedule_seconds": [0]},
        {"schedule_seconds": [float("nan")]},
        {"schedule_seconds": [7 * DAY + 1]},
        {},
    ],
)
def test_limits_of_an_endpoints_own_retries(own):
    """More than 30 retries, delays of nothing, of more than a week, or no number are refused."""
    with pytest.raises(ValidationError):
        TypeAdapter(Retry).validate_python(own)


@pytest.mark.parametrize("jitter", [-0.1, 1, 2])
def test_limits_of_jitter(jitter):
    """Jitter that could make a delay negative or nothing is refused."""
    with pytest.raises(ValidationError):
        RetryRule(delays_seconds=(1,), jitter=jitter)
