"""An audit trail keeps the latest entries within a bound, and counts those that it drops."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from hookwright.audit import (
    MAX_AUDIT_ENTRIES,
    AskedBy,
    AuditAction,
    AuditNote,
    AuditTrail,
    differences,
)
from hookwright.models import EndpointConfig, EndpointState, Secret, TenantSettings
from hookwright.routing import TenantState
from hookwright.sizes import MAX_AUDIT_BYTES

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
ANN, BOB = AskedBy(by="operator:ann", request_id="req_1"), AskedBy(by="operator:bob")


def written(trail: AuditTrail) -> int:
    return len(trail.model_dump_json().encode())


def test_the_oldest_are_dropped_and_counted() -> None:
    """Beyond the bound the oldest entries go; numbers go on, and `dropped` counts them."""
    trail = AuditTrail()
    for _ in range(MAX_AUDIT_ENTRIES + 7):
        trail = trail.with_entry(NOW, AuditAction.PAUSED, ANN)
    assert [entry.number for entry in trail.latest] == [*range(8, MAX_AUDIT_ENTRIES + 8)]
    assert trail.dropped == 7


def test_the_largest_entry_fits() -> None:
    """A change of every field, with what JSON lengthens most, leaves an entry and is bounded."""
    fields = EndpointState(tenant_id="t", endpoint_id="e").audited_fields()
    before, after = (dict.fromkeys(fields, longest * 2_000) for longest in ("\\\0", "\0\\"))
    changes = differences(before, after)
    assert len(changes) == len(fields)
    asked = AskedBy(by="\0" * 200, request_id="\0" * 128)
    trail = AuditTrail().with_entry(NOW, AuditAction.PAUSED, ANN)
    trail = trail.with_entry(NOW, AuditAction.CHANGED, asked, changes=changes)
    assert [entry.by for entry in trail.latest][-1] == asked.by
    assert written(trail) <= MAX_AUDIT_BYTES


def test_a_trail_is_not_changed_in_place() -> None:
    """A change that is taken back leaves the trail as it was."""
    before = AuditTrail().with_entry(NOW, AuditAction.DELIVERY_RETRIED, ANN, subject="a:1")
    before.with_entry(NOW, AuditAction.DELIVERY_RETRIED, ANN, subject="a:2")
    before.with_entry(NOW, AuditAction.PAUSED, ANN)
    assert [(entry.subject, entry.times) for entry in before.latest] == [("a:1", 1)]


def test_retries_in_a_row_are_one_entry() -> None:
    """Retries of one caller drop no other entry; another caller or action begins a new one."""
    trail = AuditTrail().with_entry(NOW, AuditAction.CREATED, ANN)
    later = [NOW + timedelta(seconds=second) for second in range(1_000)]
    for second, at in enumerate(later):
        trail = trail.with_entry(at, AuditAction.DELIVERY_RETRIED, ANN, subject=f"e:{second}")
    trail = trail.with_entry(NOW, AuditAction.DELIVERY_RETRIED, BOB, subject="e:1")
    trail = trail.with_entry(NOW, AuditAction.DELIVERY_CANCELLED, BOB, subject="e:1")
    many = trail.latest[1]
    assert [entry.times for entry in trail.latest] == [1, 1_000, 1, 1]
    assert (many.first_at, many.at, many.subject) == (NOW, later[-1], "e:999")
    assert (trail.made, trail.dropped) == (4, 0)


def test_pauses_in_a_row_stay_apart() -> None:
    """Only what programs ask for by the thousand becomes one entry."""
    trail = AuditTrail()
    for _ in range(2):
        trail = trail.with_entry(NOW, AuditAction.PAUSED, ANN)
    assert len(trail.latest) == 2


def test_stored_and_read_again() -> None:
    """What is not set is not stored, and a trail reads back as it was."""
    trail = AuditTrail().with_entry(NOW, AuditAction.PAUSED, AskedBy())
    assert trail.model_dump(mode="json")["latest"] == [
        {"number": 1, "at": "2026-01-15T10:30:00.000Z", "action": "paused"}
    ]
    trail = trail.with_entry(NOW, AuditAction.DELIVERY_RETRIED, ANN, subject="e:1")
    trail = trail.with_entry(NOW, AuditAction.DELIVERY_RETRIED, ANN, subject="e:1")
    assert AuditTrail.model_validate_json(trail.model_dump_json()) == trail


@pytest.mark.parametrize(
    ("model", "stored"),
    [
        (EndpointState, '{"tenant_id": "t", "endpoint_id": "e", "version": 3}'),
        (TenantState, '{"tenant_id": "t", "version": 3}'),
    ],
)
def test_state_of_before(model: type[EndpointState | TenantState], stored: str) -> None:
    """State that an earlier version stored has an empty trail."""
    assert model.model_validate_json(stored).audit == AuditTrail()


def test_answers_have_no_trail() -> None:
    """The trail is in a memo of its own: what every attempt reads stays short."""
    trail = AuditTrail().with_entry(NOW, AuditAction.CREATED, ANN)
    state = EndpointState(tenant_id="t", endpoint_id="e", audit=trail)
    assert state.public().audit == AuditTrail()


@pytest.mark.parametrize("note", ['{"action": "hacked", "subject": "x"}', "{}", '{"action": 1}'])
def test_notes_that_are_none(note: str) -> None:
    """A signal with another action, or without a subject, is no note."""
    with pytest.raises(ValidationError):
        AuditNote.model_validate_json(note)


def test_every_field_of_an_endpoint_is_told() -> None:
    """A field that endpoints get later is in the trail, too."""
    fields = {*EndpointState(tenant_id="t", endpoint_id="e").audited_fields()}
    assert fields == {*EndpointConfig.model_fields, "headers", "client_certificate", "secret"}


def test_every_setting_of_a_tenant_is_told() -> None:
    """A setting that tenants get later is in the trail, too."""
    fields = {name.partition(".")[0] for name in TenantSettings().audited_fields()}
    assert fields == {*TenantSettings.model_fields}


def test_a_creation_tells_what_is_not_the_default() -> None:
    """The first entry has the URL and what else was chosen, and no defaults."""
    before = EndpointState(tenant_id="t", endpoint_id="e")
    after = before.model_copy(
        update={
            "config": EndpointConfig(url="https://hooks.example.com/", channels=["a"]),
            "secrets": [Secret(value="whsec_x")],
        }
    )
    told = differences(before.audited_fields(), after.audited_fields())
    assert [(it.field, it.old, it.new) for it in told] == [
        ("url", None, "https://hooks.example.com/"),
        ("channels", None, ["a"]),
        ("secret", None, "(hidden)"),
    ]
