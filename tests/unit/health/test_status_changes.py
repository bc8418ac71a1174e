"""The history of an endpoint's status: what is in it, and how long it gets."""

import pytest
from support.health import ONE_LOST, STANDARD, SimulatedEndpoint

from hookwright.contracts import DeactivationRule
from hookwright.health import Health, StatusChange
from hookwright.health.status_changes import (
    MAX_CHANGE_BY,
    MAX_CHANGE_ERROR,
    MAX_HISTORY_BYTES,
    MAX_STATUS_CHANGES,
    StatusChangeKind,
    StatusChanges,
)
from hookwright.outcomes import EndpointStatus

ACTIVE = EndpointStatus.ACTIVE


def latest(endpoint: SimulatedEndpoint) -> list[StatusChange]:
    return endpoint.health.changes.latest


def kinds(endpoint: SimulatedEndpoint) -> list[str]:
    return [str(each.change) for each in latest(endpoint)]


def test_people_are_named() -> None:
    """Creation, pause and resumption say who asked for them, and each is noted once."""
    endpoint = SimulatedEndpoint()
    endpoint.health.created(endpoint.now, paused=True, by="operator:ops")
    for _ in range(2):
        endpoint.health.pause(endpoint.now, "token")
    for _ in range(2):
        endpoint.health.resume(endpoint.now, "tenant_key")
    endpoint.health.pause(endpoint.now)
    assert [(str(it.change), str(it.status), it.by) for it in latest(endpoint)] == [
        ("created", "paused", "operator:ops"),
        ("resumed", "active", "tenant_key"),
        ("paused", "paused", None),
    ]


def test_disabled_and_recovered_say_why() -> None:
    """A rule that disables an endpoint is named, with the last error, and at its end as well."""
    endpoint = SimulatedEndpoint(ONE_LOST)
    endpoint.hold()
    endpoint.exhaust(error="connection refused")
    endpoint.probe_succeeds()
    disabled, recovered = latest(endpoint)[-2:]
    assert (disabled.change, disabled.reason, disabled.last_error) == (
        "disabled",
        "exhausted",
        "connection refused",
    )
    assert (recovered.change, recovered.reason, recovered.by) == ("recovered", "exhausted", None)


def test_a_success_after_a_warning_is_a_recovery() -> None:
    """A warning, and the success that ends it, are noted; successes after that are not."""
    endpoint = SimulatedEndpoint(DeactivationRule(exhausted_in_a_row=2))
    endpoint.deliver()
    endpoint.exhaust()
    endpoint.deliver()
    endpoint.fail()
    endpoint.deliver()
    assert [(str(it.change), it.percent) for it in latest(endpoint)] == [
        ("warned", 50),
        ("recovered", None),
    ]


def test_resumed_after_a_rule_disabled_it() -> None:
    """When a person resumes a disabled endpoint, it is resumed and not recovered."""
    endpoint = SimulatedEndpoint(STANDARD)
    endpoint.fail(410)
    endpoint.health.resume(endpoint.now, "token")
    assert kinds(endpoint) == ["disabled", "resumed"]
    assert latest(endpoint)[-1].reason == "gone"


def history(number: int, text: str) -> StatusChanges:
    """Return a history of so many warnings with texts like this."""
    changes = StatusChanges()
    for percent in range(number):
        changes.add(
            SimulatedEndpoint().now,
            StatusChangeKind.WARNED,
            ACTIVE,
            percent=percent,
            last_error=text * 1_000,
            by=text * 1_000,
        )
    return changes


def test_it_is_short() -> None:
    """Only the latest changes are kept, and their numbers go on."""
    numbered = history(MAX_STATUS_CHANGES + 7, "").since_creation(SimulatedEndpoint().now)
    assert [number for number, _ in numbered] == list(range(8, MAX_STATUS_CHANGES + 8))
    assert numbered[0][1].percent == 7


@pytest.mark.parametrize("text", ["b", "é", "\0", "\U0001f600"])
def test_it_is_bounded_in_bytes(text: str) -> None:
    """Long texts are cut, and the oldest changes go first if the rest is still too long."""
    changes = history(MAX_STATUS_CHANGES, text)
    assert len(changes.model_dump_json().encode()) <= MAX_HISTORY_BYTES
    assert 5 < len(changes.latest) < MAX_STATUS_CHANGES
    last = changes.latest[-1]
    assert (last.last_error, last.by) == (text * MAX_CHANGE_ERROR, text * MAX_CHANGE_BY)
    assert last.percent == MAX_STATUS_CHANGES - 1
    again = StatusChanges.model_validate_json(changes.model_dump_json())
    assert again == changes


def test_an_endpoint_from_before_there_was_a_history() -> None:
    """State without a history loads; the creation is made up from the time that is known."""
    health = Health.model_validate({"status": "paused", "queue": {"held": 3}})
    assert health.changes == StatusChanges()
    assert health.queue.holding_since is None
    now = SimulatedEndpoint().now
    health.resume(now)
    (zero, created), (one, resumed) = health.changes.since_creation(now)
    assert (zero, one, created.change, resumed.change) == (0, 1, "created", "resumed")
    assert Health().changes.since_creation(None) == []


def test_the_copy_that_attempts_read_has_no_history() -> None:
    """The memo that is read before attempts does not grow by the history."""
    endpoint = SimulatedEndpoint()
    endpoint.health.pause(endpoint.now)
    assert endpoint.health.public().changes == StatusChanges()
    assert kinds(endpoint) == ["paused"]
