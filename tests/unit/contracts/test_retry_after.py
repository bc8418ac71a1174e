"""`Retry-After`: a receiver writes it, so it may be anything."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookwright.contracts import RetryRule, next_delay, parse_retry_after

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
DAY = 86_400
DATE_PARTS = (
    *("Mon,", "Thu,", "00", "15", "31", "99", "Jan", "Feb", "Foo", "2026", "9999", "0", "-1"),
    *("10:30:00", "24:00:00", "1:2:3:4", ":", ",", "-", "GMT", "EST", "Z", "+0000", "-2359"),
    *("+9999", "+999999999999", "--", "(", ")", "(x", '"', "\\", "15-Jan-26", "2026-01-15"),
)
NEARLY_A_DATE = st.lists(st.sampled_from(DATE_PARTS), max_size=9).map(" ".join)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("  7\t", 7),
        ("007", 7),
        ("99999999999", 99_999_999_999),
        ("Thu, 15 Jan 2026 10:31:00 GMT", 60),
        ("Thu, 15 Jan 2026 11:31:00 +0100", 60),
        ("Thu, 15 Jan 2026 10:31:00", 60),
        ("Thursday, 15-Jan-26 10:31:00 GMT", 60),
        ("Thu Jan 15 10:31:00 2026", 60),
        ("Thu, 15 Jan 2026 10:29:59 GMT", 0),
        ("Mon, 01 Jan 1900 00:00:00 GMT", 0),
        ("-1", None),
        ("+5", None),
        ("1.5", None),
        ("1e309", None),
        ("1_000", None),
        ("\u0665", None),
        ("\u00b2", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("soon", None),
        ("Thu, 32 Jan 2026 10:31:00 GMT", None),
        ("Thu, 15 Foo 2026 10:31:00 GMT", None),
        ("2026-01-15T10:31:00Z", None),
    ],
)
def test_both_forms_and_neither(value, seconds):
    """Seconds and HTTP dates are read, the past is now, and anything else is no wish at all."""
    assert parse_retry_after(value, NOW) == seconds


def test_a_date_in_9999():
    """The last date that can be written is read, and asks for no more than a day in the end."""
    asked = parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", NOW)
    assert asked == (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW).total_seconds()
    assert next_delay(RetryRule(delays_seconds=(5,)), 1, asked) == DAY


@given(value=st.text() | NEARLY_A_DATE)
def test_total_on_any_text(value):
    """Any text gives no wish, or a wait that is not negative; never an exception."""
    wait = parse_retry_after(value, NOW)
    assert wait is None or wait >= 0


@given(seconds=st.integers(0, 10**40), zeros=st.integers(0, 100))
def test_any_number_of_digits(seconds, zeros):
    """However many digits, a number asks for as much as it says, up to the day that counts."""
    wait = parse_retry_after("0" * zeros + str(seconds), NOW)
    assert wait is not None
    assert min(wait, DAY) == min(seconds, DAY)


@given(seconds=st.integers(0, 3 * DAY))
def test_dates_from_now_on(seconds):
    """An HTTP date asks for the time until then."""
    then = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(then, NOW) == seconds


def test_the_clock_counts_when_no_time_is_given():
    """Without a time of its own the wait counts from the clock."""
    then = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert parse_retry_after(then) == pytest.approx(3600, abs=30)
