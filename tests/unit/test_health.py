"""The rules by which an endpoint is disabled, probed and recovers."""

from datetime import timedelta
from itertools import pairwise

import pytest
from support.health import BEGIN, Life, report

from hookwright.contracts import DeactivationRule, DisabledReason
from hookwright.contracts.deactivation import FailureRate
from hookwright.health import Duty, Health, Release, Reports
from hookwright.health.probing import PROBE_AFTER_SECONDS
from hookwright.health.state import MAX_KNOWN_REPORTS
from hookwright.models import EndpointState
from hookwright.outcomes import Colour, DeliveryState, EndpointStatus, Outcome

ACTIVE, PAUSED, DISABLED = EndpointStatus
DAY = 86_400
STANDARD = DeactivationRule(failing_for_seconds=5 * DAY, gone=True)
ONE_LOST = DeactivationRule(exhausted_in_a_row=1)


def disabled(rule: DeactivationRule = ONE_LOST) -> Life:
    life = Life(rule)
    life.exhaust()
    assert life.health.status is DISABLED
    life.park()
    return life


# Rules


def test_no_rule_disables_nobody() -> None:
    """Without a rule a year of failures, exhausted deliveries and 410s leaves it active."""
    life = Life()
    for _ in range(365):
        life.exhaust()
        life.fail(410)
        life.wait(days=1)
    assert life.health.status is ACTIVE
    assert life.notices("endpoint.") == []


@pytest.mark.parametrize("limit", [1, 3])
def test_exhausted_in_a_row(limit: int) -> None:
    """So many deliveries without attempts left disable it, and not one less."""
    life = Life(DeactivationRule(exhausted_in_a_row=limit))
    for _ in range(limit - 1):
        life.exhaust()
        life.fail()
    assert life.health.status is ACTIVE
    life.exhaust()
    assert (life.health.status, life.health.disabled_reason) == (DISABLED, DisabledReason.EXHAUSTED)


def test_success_between_begins_the_row_anew() -> None:
    """A delivered attempt between two exhausted deliveries makes them no row."""
    life = Life(DeactivationRule(exhausted_in_a_row=2))
    for _ in range(50):
        life.exhaust()
        life.deliver()
    assert life.health.status is ACTIVE


def test_success_that_was_only_counted_begins_the_row_anew() -> None:
    """A success that another worker tallied ends the streak if it came after the last failure."""
    life = Life(DeactivationRule(exhausted_in_a_row=2))
    life.exhaust()
    life.wait(seconds=5)
    life.health.take(Reports(delivered=1, last_delivered_at=life.now), life.now)
    assert life.health.streak.failures == 0
    life.exhaust()
    before = life.now - timedelta(seconds=5)
    life.health.take(Reports(delivered=1, last_delivered_at=before), life.now)
    assert life.health.streak.exhausted == 1
    assert life.health.status is ACTIVE


def test_failing_for_five_days() -> None:
    """Failures for five days disable it with the first failure then; a moment before does not."""
    life = Life(STANDARD)
    life.fail()
    life.wait(days=4, hours=23, minutes=59)
    life.fail()
    assert life.health.status is ACTIVE
    life.wait(minutes=1)
    life.fail()
    assert life.health.disabled_reason is DisabledReason.FAILING_TOO_LONG
    [told] = life.notices("endpoint.disabled")
    assert told["reason"] == "failing_too_long"
    assert told["failing_since"] == "2026-01-15T10:00:00.000Z"
    assert told["consecutive_failures"] == 3
    assert told["next_probe_at"] == "2026-01-20T10:01:00.000Z"


def test_one_failure_long_ago_is_no_streak_of_days() -> None:
    """Silence does not disable: time counts only when a failure comes."""
    life = Life(STANDARD)
    life.fail()
    life.wait(days=30)
    assert life.health.status is ACTIVE
    assert life.health.due(life.now) is None


def test_gone() -> None:
    """410 disables at once where the rule has it; then nothing is probed, and held ones end."""
    life = Life(STANDARD)
    life.park()
    life.fail(410)
    assert (life.health.status, life.health.disabled_reason) == (DISABLED, DisabledReason.GONE)
    assert life.health.next_probe_at is None
    assert life.health.gone
    life.health.announced = DISABLED
    life.health.notices.published(100)
    assert life.health.due(life.now).duty is Duty.CANCEL_HELD
    life.health.probe_soon(life.now)
    assert life.health.next_probe_at is None


def test_probe_that_finds_it_gone() -> None:
    """410 to a probe turns it gone, whichever of report and end of the probe comes first."""
    for report_first in (True, False):
        life = disabled(DeactivationRule(exhausted_in_a_row=1, gone=True))
        life.now = life.health.next_probe_at
        if report_first:
            life.fail(410, probe=True, was_held=True, is_held=True)
            life.health.probed(life.now, found=True)
        else:
            life.health.probed(life.now, found=True)
            life.fail(410, probe=True, was_held=True, is_held=True)
        assert life.health.gone
        assert life.health.next_probe_at is None
        assert [told["reason"] for told in life.notices("endpoint.disabled")] == [
            "exhausted",
            "gone",
        ]


def test_blocked_destination_disables_under_any_rule() -> None:
    """An address that may not be reached disables it at once, whatever its rule leaves out."""
    life = Life()
    life.take(outcome=Outcome.BLOCKED_DESTINATION)
    assert life.health.disabled_reason is DisabledReason.BLOCKED_DESTINATION
    assert life.health.next_probe_at == life.now + timedelta(minutes=1)


def test_failure_rate_needs_its_minimum() -> None:
    """Three quarters of failures disable it once there are enough attempts, in its window only."""
    rule = DeactivationRule(failure_rate=FailureRate(share=0.75, at_least=20))
    life = Life(rule)
    for _ in range(4):
        life.deliver()
    for _ in range(15):
        life.fail()
    assert life.health.status is ACTIVE
    life.fail()
    assert life.health.disabled_reason is DisabledReason.FAILURE_RATE
    slow = Life(rule)
    for _ in range(100):
        slow.fail()
        slow.wait(minutes=5)
    assert slow.health.status is ACTIVE


def test_failure_rate_over_a_day() -> None:
    """A rate over a day counts what the hour has forgotten."""
    life = Life(DeactivationRule(failure_rate=FailureRate(share=1, over="day", at_least=10)))
    for _ in range(10):
        life.fail()
        life.wait(hours=2)
    assert life.health.disabled_reason is DisabledReason.FAILURE_RATE


def test_rate_of_the_outage_does_not_count_after_it() -> None:
    """Recovered, it is not disabled by the next failure for the rate that it had before."""
    rule = DeactivationRule(failure_rate=FailureRate(share=0.5, at_least=10))
    life = Life(rule)
    for _ in range(10):
        life.fail()
    life.park()
    life.probe_succeeds()
    assert life.health.status is ACTIVE
    life.fail()
    assert life.health.status is ACTIVE
    life.wait(minutes=10)
    for _ in range(10):
        life.fail()
    assert life.health.status is DISABLED


def test_rule_of_the_moment_holds() -> None:
    """The rule that comes with the reports decides: a change needs nothing else."""
    life = Life()
    life.exhaust()
    life.exhaust()
    life.rule = DeactivationRule(exhausted_in_a_row=3)
    life.exhaust()
    assert life.health.status is DISABLED


# Warnings


def test_warnings_once_each() -> None:
    """At 50, 70 and 90 % of the way it warns, each once, and says how far it is."""
    life = Life(STANDARD)
    for _ in range(5 * 24):
        life.fail()
        life.wait(hours=1)
    assert [told["percent"] for told in life.notices("endpoint.warned")] == [50, 70, 90]
    assert life.notices("endpoint.disabled") == []
    life.fail()
    assert len(life.notices("endpoint.disabled")) == 1


def test_a_leap_warns_of_the_highest_only() -> None:
    """Two days to nine tenths of the way between two failures make one warning, of 90 %."""
    life = Life(STANDARD)
    life.fail()
    life.wait(days=4.6)
    life.fail()
    life.fail()
    assert [told["percent"] for told in life.notices("endpoint.warned")] == [90]


def test_a_new_streak_warns_anew() -> None:
    """After a success the way begins again, and so do its warnings."""
    life = Life(DeactivationRule(exhausted_in_a_row=4))
    for _ in range(2):
        life.exhaust()
        life.exhaust()
        life.deliver()
    assert [told["percent"] for told in life.notices("endpoint.warned")] == [50, 50]


# Flapping


@pytest.mark.parametrize(
    "rule",
    [
        STANDARD,
        DeactivationRule(exhausted_in_a_row=3, failing_for_seconds=3600),
        DeactivationRule(failure_rate=FailureRate(share=0.6)),
        DeactivationRule(failure_rate=FailureRate(share=0.9, over="day")),
    ],
)
def test_flapping_is_not_disabled(rule: DeactivationRule) -> None:
    """A day of 2xx and 5xx in turn never disables it, and warns at most once an hour."""
    life = Life(rule)
    for minute in range(24 * 60):
        life.exhaust() if minute % 2 else life.deliver()
        assert life.health.status is ACTIVE
        life.wait(minutes=1)
    assert life.health.counts.last_day(life.now)[0] > 600
    assert len(life.notices("endpoint.warned")) <= 24
    assert life.notices("endpoint.disabled") == []


def changes_in_a_day(life: Life, active_for: timedelta) -> int:
    """Count status changes of an endpoint whose probes succeed and which fails soon after."""
    changes, end = 0, life.now + timedelta(days=1)
    while life.now < end:
        life.exhaust()
        assert life.health.status is DISABLED
        life.park()
        life.probe_succeeds()
        assert life.health.status is ACTIVE
        changes += 2
        life.now += active_for
    return changes


@pytest.mark.parametrize("minutes", [0, 1, 30, 59, 60, 61, 90])
def test_status_changes_are_bounded(minutes: int) -> None:
    """Who fails soon after each recovery changes its status fewer than fifty times a day."""
    assert changes_in_a_day(Life(ONE_LOST), timedelta(minutes=minutes)) < 50


def test_relapse_goes_on_where_the_probes_were() -> None:
    """Failing at once after a recovery, it is probed after the next longer wait."""
    life = Life(ONE_LOST)
    waits = []
    for _ in range(8):
        life.exhaust()
        waits.append((life.health.next_probe_at - life.now).total_seconds())
        life.park()
        life.probe_succeeds()
    assert waits == [*PROBE_AFTER_SECONDS, DAY, DAY]
    life.wait(days=2)
    life.exhaust()
    assert life.health.next_probe_at == life.now + timedelta(minutes=1)


def test_resume_forgets_the_ladder() -> None:
    """A person who resumes begins with probes after a minute again."""
    life = disabled()
    for _ in range(3):
        life.probe_fails()
    life.health.resume(life.now)
    assert life.health.status is ACTIVE
    life.exhaust()
    assert life.health.next_probe_at == life.now + timedelta(minutes=1)


# Probes


def test_ladder_of_probes() -> None:
    """Probes come after 1 min, 5, 30, 2 h, 6 h, 24 h and then every day."""
    life = disabled()
    times = [life.now]
    for _ in range(9):
        times.append(life.health.next_probe_at)
        life.probe_fails()
    assert [(b - a).total_seconds() for a, b in pairwise(times)] == [
        *(60, 300, 1800, 7200, 21600, 86400),
        *(86400, 86400, 86400),
    ]
    assert life.health.queue.held == 1


def test_probe_that_finds_nothing_costs_no_step() -> None:
    """What visibility did not show yet is looked for again soon, then seldom, at the same step."""
    life = disabled()
    life.health.announced = DISABLED
    life.health.notices.published(100)
    life.health.queue.next_expiry_at = life.health.queue.next_count_at = None
    life.now = life.health.next_probe_at
    waits = []
    for _ in range(10):
        life.health.probed(life.now, found=False)
        waits.append((life.health.due(life.now).at - life.now).total_seconds())
        life.now = life.health.due(life.now).at
    assert waits == [1, 1, 2, 4, 8, 60, 300, 1_800, 3_600, 3_600]
    life.health.probed(life.now, found=False)
    life.park()
    assert life.health.due(life.now) == (Duty.PROBE, life.now)
    life.probe_fails()
    assert life.health.next_probe_at == life.now + timedelta(minutes=5)


def test_only_a_probe_recovers() -> None:
    """A success that was sent before it was disabled does not recover it."""
    life = disabled()
    life.deliver()
    assert life.health.status is DISABLED
    life.probe_succeeds()
    assert life.health.status is ACTIVE
    [told] = life.notices("endpoint.recovered")
    assert told == {"reason": "exhausted", "held": 0}
    assert life.health.queue.draining_since == life.now


def test_a_change_is_probed_at_once() -> None:
    """A disabled endpoint that somebody changes is tried at once; others are left alone."""
    life = disabled()
    life.health.probe_soon(life.now)
    assert life.health.next_probe_at == life.now
    healthy = Health()
    healthy.probe_soon(BEGIN)
    assert healthy.next_probe_at is None


@pytest.mark.parametrize("late", ["probed", "delivered"])
def test_paused_during_a_probe_stays_paused(late: str) -> None:
    """The end of a probe that a person's pause overtook changes nothing."""
    life = disabled()
    life.now = life.health.next_probe_at
    life.health.pause()
    if late == "probed":
        life.health.probed(life.now, found=True)
    else:
        life.deliver(probe=True, was_held=True)
    assert (life.health.status, life.health.next_probe_at) == (PAUSED, None)


# Pause, resume, and what is admitted


def test_who_is_admitted() -> None:
    """Active admits all, unless there is a queue; disabled a probe only; paused a probe, too."""
    life = Life(ONE_LOST)
    assert life.health.admits(None)
    life.fail(429)
    assert not life.health.admits(None)
    assert life.health.admits(Release.DRAIN)
    life.exhaust()
    assert [life.health.admits(each) for each in (None, Release.DRAIN, Release.PROBE)] == [
        False,
        False,
        True,
    ]


def test_resume_ends_the_streak_and_drains() -> None:
    """Resumed, the past is forgotten, and what waits is let go at once."""
    life = Life(STANDARD)
    life.fail()
    life.health.pause()
    life.park(3)
    life.wait(days=6)
    life.health.resume(life.now)
    assert life.health.queue.release_due_at(life.now) == life.now
    life.fail()
    assert life.health.status is ACTIVE
    assert life.health.streak.failing_since == life.now
    assert life.notices() == []


def test_failures_of_a_paused_endpoint_do_not_disable_it() -> None:
    """What was under way when it was paused may fail: it stays paused, not disabled."""
    life = Life(ONE_LOST)
    life.health.pause()
    life.exhaust()
    assert life.health.status is PAUSED


# Throttling


@pytest.mark.parametrize("status", [429, 502, 504])
def test_overload_slows_the_endpoint(status: int) -> None:
    """429, 502 and 504 make the whole endpoint wait; another failure only its own delivery."""
    life = Life()
    life.fail(status)
    assert life.health.queue.throttled_until == life.now + timedelta(seconds=1)
    assert not life.health.admits(None)
    other = Life()
    for it in (500, 503, 400, None):
        other.fail(it)
    assert other.health.queue.throttled_until is None


def test_retry_after_slows_the_endpoint() -> None:
    """Retry-After with any failure makes the whole endpoint wait for so long, and no less."""
    life = Life()
    life.fail(503, retry_after=120)
    assert life.health.queue.throttled_until == life.now + timedelta(seconds=120)
    life.wait(seconds=10)
    life.fail(503, retry_after=20)
    assert life.health.queue.throttled_until == BEGIN + timedelta(seconds=120)
    life.fail(503, retry_after=DAY)
    assert life.health.queue.throttled_until == life.now + timedelta(days=1)


def test_resume_ends_the_quiet_of_an_active_endpoint() -> None:
    """A day of quiet that a receiver asked for ends when a person resumes the endpoint."""
    life = Life()
    life.fail(503, retry_after=86_400.0)
    assert life.health.queue.throttled_until == life.now + timedelta(days=1)
    life.park(2)
    life.health.resume(life.now)
    queue = life.health.queue
    assert (queue.throttled_until, queue.release_due_at(life.now)) == (None, life.now)
    assert (queue.held, queue.pauses, life.health.status) == (2, 0, ACTIVE)


def test_paused_and_disabled_are_not_throttled() -> None:
    """What fails late does not throttle an endpoint that lets nothing go anyway."""
    life = disabled()
    life.fail(429, retry_after=30)
    assert life.health.queue.throttled_until is None


# Each once, and nothing for ever


def test_repeated_reports_count_once() -> None:
    """A report with a known key changes nothing: in one signal, in two, or after a save."""
    life = Life(DeactivationRule(exhausted_in_a_row=3))
    same = report(
        life.now,
        key="once",
        outcome=Outcome.HTTP_ERROR,
        ended=DeliveryState.EXHAUSTED,
        is_held=True,
    )
    signal = Reports(rule=life.rule, reports=[same, same])
    life.health.take(signal, life.now)
    life.health.take(signal, life.now)
    life.health = Health.model_validate_json(life.health.model_dump_json())
    life.health.take(signal, life.now)
    assert (life.health.streak.exhausted, life.health.queue.held) == (1, 1)
    assert life.health.counts.last_hour(life.now) == (0, 1)


def test_known_keys_are_bounded() -> None:
    """The last five thousand keys are known, not all that there ever were."""
    life = Life()
    for _ in range(MAX_KNOWN_REPORTS // 1000 + 2):
        reports = [report(life.now) for _ in range(1000)]
        life.health.take(Reports(reports=reports), life.now)
    assert len(life.health.known) == MAX_KNOWN_REPORTS
    assert life.health.known[-1] == reports[-1].key


def test_operational_events_tell_nothing() -> None:
    """Failed, exhausted and expired operational deliveries warn of nothing and disable nobody."""
    life = Life(
        DeactivationRule(
            exhausted_in_a_row=1,
            failing_for_seconds=1,
            gone=True,
            failure_rate=FailureRate(share=0.1, at_least=1),
        )
    )
    for status in (500, 410, 429):
        life.exhaust(status=status, operational=True)
        life.wait(days=1)
    life.take(outcome=Outcome.BLOCKED_DESTINATION, operational=True)
    life.take(ended=DeliveryState.EXPIRED, was_held=True, operational=True)
    assert life.health.notices.waiting == []
    assert life.health.status is ACTIVE
    assert life.health.streak.failures == 0


def test_what_became_of_deliveries_is_told() -> None:
    """An exhausted and an expired delivery are told of, by the event's id and type."""
    life = Life()
    life.exhaust(event_id="evt_a", attempts=10)
    life.take(ended=DeliveryState.EXPIRED, was_held=True, event_id="evt_b", attempts=2)
    assert life.notices("delivery.exhausted") == [
        {
            "event_id": "evt_a",
            "event_type": "a.b",
            "attempts": 10,
            "last_outcome": "http_error",
            "last_status_code": 500,
        }
    ]
    assert [told["event_id"] for told in life.notices("delivery.expired")] == ["evt_b"]
    numbers = [notice.number for notice in life.health.notices.waiting]
    life.health.notices.published(1)
    life.exhaust()
    assert [notice.number for notice in life.health.notices.waiting] == [numbers[1], 3]


def test_held_is_never_negative() -> None:
    """More that leave than came make zero, not less."""
    life = Life()
    life.take(was_held=True)
    life.park()
    for _ in range(3):
        life.deliver(was_held=True)
    assert life.health.queue.held == 0


# At a glance, and what is due


def test_colours() -> None:
    """Green delivers, yellow failed lately, red is disabled or mostly failing."""
    life = Life(STANDARD)
    assert life.health.colour(life.now) is Colour.GREEN
    life.deliver()
    life.deliver()
    life.fail()
    assert life.health.colour(life.now) is Colour.YELLOW
    life.fail()
    life.fail()
    assert life.health.colour(life.now) is Colour.RED
    life.deliver()
    assert life.health.colour(life.now) is Colour.YELLOW
    life.wait(hours=2)
    assert life.health.colour(life.now) is Colour.GREEN
    life.fail(410)
    life.wait(hours=2)
    assert life.health.colour(life.now) is Colour.RED


def test_watched_only_while_a_success_matters() -> None:
    """A healthy endpoint needs no reports of successes; one that fails, holds or waits does."""
    assert not Life().health.watched
    for unwell in ("fail", "park", "exhaust"):
        life = Life(ONE_LOST)
        getattr(life, unwell)()
        assert life.health.watched
    life = Life()
    life.fail(429)
    life.deliver()
    assert life.health.watched


def test_announces_before_it_tells_and_tells_before_it_probes() -> None:
    """A new status reaches the route table first, then people, then comes the probe."""
    life = disabled()
    life.now = life.health.next_probe_at
    duties = []
    for _ in range(3):
        due = life.health.due(life.now)
        duties.append(due.duty)
        if due.duty is Duty.ANNOUNCE:
            life.health.announced = life.health.status
        life.health.notices.published(100 * (due.duty is Duty.NOTIFY))
    assert duties == [Duty.ANNOUNCE, Duty.NOTIFY, Duty.EXPIRE]
    life.health.queue.next_expiry_at = life.now + timedelta(hours=1)
    assert life.health.due(life.now).duty is Duty.PROBE


def test_one_endpoint_s_health_is_not_another_s() -> None:
    """No two endpoints share a list or a count by way of a default."""
    first, second = (EndpointState(tenant_id="t", endpoint_id=each) for each in ("a", "b"))
    Life(health=first.health).exhaust()
    assert first.health.known
    assert second.health == Health()
    assert Health() == EndpointState(tenant_id="t", endpoint_id="c").health


def test_memo_s_copy_is_small_and_harmless() -> None:
    """The copy for the memo lacks keys and notices; the original keeps them."""
    life = Life(ONE_LOST)
    life.exhaust()
    shown = life.health.public()
    assert (shown.known, shown.notices.waiting) == ([], [])
    assert life.health.known
    assert life.health.notices.waiting
    assert shown.status is DISABLED


def test_turned_away_after_a_killed_attempt_is_counted_again() -> None:
    """Released and turned away changes no count, unless its attempt's report was stored before."""
    life = Life()
    life.park()
    attempt = report(life.now, was_held=True, outcome=Outcome.HTTP_ERROR, delivery="d1")
    again = report(life.now, was_held=True, is_held=True, delivery="d1")
    life.health.take(Reports(reports=[again]), life.now)
    assert life.health.queue.held == 1
    life.health.take(Reports(reports=[attempt]), life.now)
    assert life.health.queue.held == 0
    other = report(life.now, was_held=True, is_held=True, delivery="d1")
    life.health.take(Reports(reports=[other]), life.now)
    assert life.health.queue.held == 1
