"""When a disabled endpoint is probed, and what a probe changes."""

from datetime import timedelta
from itertools import pairwise

import pytest
from support.health import (
    ACTIVE,
    BEGIN,
    DISABLED,
    PAUSED,
    disabled,
)

from hookwright.health import Duty, Health


def test_resume_forgets_the_ladder() -> None:
    """A person who resumes begins with probes after a minute again."""
    endpoint = disabled()
    for _ in range(3):
        endpoint.probe_fails()
    endpoint.health.resume(endpoint.now)
    assert endpoint.health.status is ACTIVE
    endpoint.exhaust()
    assert endpoint.health.next_probe_at == endpoint.now + timedelta(minutes=1)


def test_ladder_of_probes() -> None:
    """Probes come after 1 min, 5, 30, 2 h, 6 h, 24 h and then every day."""
    endpoint = disabled()
    times = [endpoint.now]
    for _ in range(9):
        times.append(endpoint.health.next_probe_at)
        endpoint.probe_fails()
    assert [(b - a).total_seconds() for a, b in pairwise(times)] == [
        *(60, 300, 1800, 7200, 21600, 86400),
        *(86400, 86400, 86400),
    ]
    assert endpoint.health.queue.held == 1


def test_probe_that_finds_nothing_costs_no_step() -> None:
    """What visibility did not show yet is looked for again soon, then seldom, at the same step."""
    endpoint = disabled()
    endpoint.health.announced = DISABLED
    endpoint.health.notices.published(100)
    endpoint.health.queue.next_expiry_at = endpoint.health.queue.next_count_at = None
    endpoint.now = endpoint.health.next_probe_at
    waits = []
    for _ in range(10):
        endpoint.health.probed(endpoint.now, found=False)
        waits.append((endpoint.health.due(endpoint.now).at - endpoint.now).total_seconds())
        endpoint.now = endpoint.health.due(endpoint.now).at
    assert waits == [1, 1, 2, 4, 8, 60, 300, 1_800, 3_600, 3_600]
    endpoint.health.probed(endpoint.now, found=False)
    endpoint.hold()
    assert endpoint.health.due(endpoint.now) == (Duty.PROBE, endpoint.now)
    endpoint.probe_fails()
    assert endpoint.health.next_probe_at == endpoint.now + timedelta(minutes=5)


def test_only_a_probe_recovers() -> None:
    """A success that was sent before the endpoint was disabled does not activate it."""
    endpoint = disabled()
    endpoint.deliver()
    assert endpoint.health.status is DISABLED
    endpoint.probe_succeeds()
    assert endpoint.health.status is ACTIVE
    [notice] = endpoint.notices("endpoint.recovered")
    assert notice == {"reason": "exhausted", "held": 0}
    assert endpoint.health.queue.draining_since == endpoint.now


def test_a_change_is_probed_at_once() -> None:
    """A disabled endpoint that somebody changes is tried at once; others are left alone."""
    endpoint = disabled()
    endpoint.health.probe_soon(endpoint.now)
    assert endpoint.health.next_probe_at == endpoint.now
    healthy = Health()
    healthy.probe_soon(BEGIN)
    assert healthy.next_probe_at is None


@pytest.mark.parametrize("late", ["probed", "delivered"])
def test_paused_during_a_probe_stays_paused(late: str) -> None:
    """The end of a probe that a person's pause overtook changes nothing."""
    endpoint = disabled()
    endpoint.now = endpoint.health.next_probe_at
    endpoint.health.pause(endpoint.now)
    if late == "probed":
        endpoint.health.probed(endpoint.now, found=True)
    else:
        endpoint.deliver(probe=True, was_held=True)
    assert (endpoint.health.status, endpoint.health.next_probe_at) == (PAUSED, None)
