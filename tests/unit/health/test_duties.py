"""Duties take turns, and one that fails waits while the others go on."""

from collections import Counter
from datetime import timedelta

from support.health import BEGIN

from hookwright.health import Due, Duty, Turns
from hookwright.health.duties import MAX_BACKOFF_SECONDS


def test_all_that_are_due_take_turns() -> None:
    """Each duty that is due all the time has as many turns as any other."""
    turns, had = Turns(), Counter()
    duties = dict.fromkeys(Duty, BEGIN)
    for _ in range(10 * len(duties)):
        due = turns.first(duties, BEGIN)
        turns.took(due.duty)
        had[due.duty] += 1
    assert had == dict.fromkeys(Duty, 10)


def test_who_waited_longest_comes_first() -> None:
    """A duty that becomes due comes before one that is due always."""
    turns = Turns()
    for _ in range(3):
        turns.took(turns.first({Duty.NOTIFY: BEGIN}, BEGIN).duty)
    assert turns.first({Duty.NOTIFY: BEGIN, Duty.COUNT: BEGIN}, BEGIN).duty is Duty.COUNT


def test_nothing_due_gives_the_soonest() -> None:
    """With nothing due yet, it says what will be, and when; with nothing at all, None."""
    later, soon = BEGIN + timedelta(hours=1), BEGIN + timedelta(minutes=1)
    duties = {Duty.EXPIRE: later, Duty.PROBE: soon}
    assert Turns().first(duties, BEGIN) == Due(Duty.PROBE, soon)
    assert Turns().first({}, BEGIN) is None


def test_one_that_fails_is_put_off() -> None:
    """It waits twice as long each time, to five minutes; the others go on; a success forgets."""
    turns, now, waits = Turns(), BEGIN, []
    for _ in range(9):
        turns.failed(Duty.RELEASE, now)
        due = turns.first({Duty.RELEASE: BEGIN}, now)
        waits.append((due.at - now).total_seconds())
        assert turns.first({Duty.RELEASE: BEGIN, Duty.NOTIFY: now}, now).duty is Duty.NOTIFY
        now = due.at
        assert turns.first({Duty.RELEASE: BEGIN}, now) == due
    assert waits == [5, 10, 20, 40, 80, 160, *[MAX_BACKOFF_SECONDS] * 3]
    turns.went_well(Duty.RELEASE)
    turns.failed(Duty.RELEASE, now)
    assert turns.first({Duty.RELEASE: BEGIN}, now).at == now + timedelta(seconds=5)
