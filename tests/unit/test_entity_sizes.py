"""Entities at their largest: what one workflow task leads to stays within Temporal's limits.

Every message here is built as it goes over the wire, encrypted, with ten updates in flight.
"""

from datetime import UTC, datetime

import pytest
from support.counts import WORST, counts_of
from support.messages import (
    activity,
    answered,
    argument_bytes,
    continue_as_new,
    memo_bytes,
    task_completed,
    upsert,
)
from support.tenants import full_table

from api.services.endpoint_checks import MAX_BYTES, MAX_CONFIG_BYTES
from hookwright.audit import (
    MAX_ACTOR,
    MAX_AUDIT_ENTRIES,
    AskedBy,
    AuditAction,
    AuditedField,
    AuditTrail,
)
from hookwright.catalogue import CatalogueEntry, CatalogueState, EventTypeConfig, EventTypeFields
from hookwright.health import Health, Notice, StatusChangeKind, StatusChanges
from hookwright.health.known_reports import MAX_KNOWN_REPORTS
from hookwright.health.notices import NoticeQueue
from hookwright.health.status_changes import MAX_STATUS_CHANGES
from hookwright.models import (
    EndpointConfig,
    EndpointRef,
    EndpointState,
    NoticesInput,
    NotifySettings,
    RecoveryInput,
    RecoverySelection,
    RecoveryView,
    Route,
    Secret,
    TenantSettings,
    TenantView,
)
from hookwright.models.endpoint import MAX_LIVE_SECRETS
from hookwright.models.fields import MAX_METADATA_BYTES
from hookwright.models.notify import MAX_EMAILS
from hookwright.outcomes import EndpointStatus
from hookwright.routing import (
    RouteChange,
    RouteChanges,
    RoutesChanged,
    RouteTable,
    TenantRouteChange,
    TenantState,
)
from hookwright.routing.route_table import TOO_LARGE
from hookwright.security import MAX_URL_LENGTH, ClientIdentity
from hookwright.sizes import (
    BLOB_BYTES,
    KIB,
    MAX_AUDIT_BYTES,
    MAX_CATALOGUE_BYTES,
    MAX_CHANGES,
    MAX_CHANGES_BYTES,
    MAX_ENTRY_BYTES,
    MAX_ROUTE_TABLE_BYTES,
    MAX_SLICE_BYTES,
    MESSAGE_BYTES,
    UPDATES_IN_FLIGHT,
)
from hookwright.temporal import MemoKey, routes_key
from workflows.endpoint_duties import NOTICES_IN_A_TURN
from workflows.endpoint_messages import EndpointChangeUpdate
from workflows.event_types import EventTypePutResult, EventTypePutUpdate
from workflows.tenant import TenantPutResult, TenantPutUpdate

MAX_NOTICES = 1_000
"""Untold ones that an endpoint may carry."""

NOW = datetime(2026, 1, 15, 10, 30, 0, 123456, tzinfo=UTC)


def shortest_routes() -> list[Route]:
    """Return as many routes as one table can hold."""
    table = RouteTable([])
    while True:
        route = Route(endpoint_id=f"{len(table)}", version=1, event_types=["a"])
        if table.put(route):
            return [each for routes in table.slices() for each in routes]


def largest_settings() -> TenantSettings:
    """Return a tenant's settings with what JSON lengthens most."""
    emails = [f"{number:a>64}@{'x.' * 90}example" for number in range(MAX_EMAILS)]
    return TenantSettings(
        name="\0" * 200,
        contract="x" * 64,
        metadata={"": "\0" * MAX_METADATA_BYTES},
        notify=NotifySettings(emails=emails, slack_url="\\" * MAX_URL_LENGTH),
    )


def tenant_view() -> TenantView:
    return TenantView.of("t" * 64, largest_settings(), NOW, NOW)


def largest_changes() -> RouteChanges:
    """Return as many changes as one update carries, in as many bytes."""
    removal = RouteChange(endpoint_id="e" * 30, route=None)
    route = Route(endpoint_id="e" * 30, version=1, event_types=["a"], filter="x")
    change = RouteChange(endpoint_id="e" * 30, route=route)
    room = MAX_CHANGES_BYTES - (MAX_CHANGES - 1) * removal.size - change.size + 1
    assert room > 0
    route.filter = "x" * room
    return RouteChanges(changes=[*[removal] * (MAX_CHANGES - 1), change])


@pytest.mark.parametrize("routes", [full_table(), shortest_routes()], ids=["wide", "many"])
def test_a_tenant_at_its_largest(routes):
    """A full table, all of it changed at once by ten updates, and it continues as new."""
    slices = RouteTable([routes]).packed()
    written = {routes_key(number): it for number, it in enumerate(slices)}
    assert sum(len(r.model_dump_json()) + 1 for r in routes) > 0.85 * MAX_ROUTE_TABLE_BYTES
    trail = fullest_trail()
    view = {
        MemoKey.TENANT: tenant_view(),
        MemoKey.NOTIFY: largest_settings().notify,
        MemoKey.AUDIT: trail,
    }
    refusals = RoutesChanged(refusals=[TOO_LARGE] * MAX_CHANGES)
    changes = [
        message
        for _ in range(UPDATES_IN_FLIGHT)
        for message in answered(largest_changes(), refusals)
    ]
    everything = upsert({**written, **view})
    assert memo_bytes(everything) < BLOB_BYTES
    assert task_completed([everything], changes) < MESSAGE_BYTES

    state = TenantState(
        tenant_id="t" * 64,
        version=10**6,
        settings=largest_settings(),
        routes=slices,
        audit=trail,
    )
    goes_on = continue_as_new(state, {**written, **view})
    assert argument_bytes(goes_on) < BLOB_BYTES
    assert memo_bytes(goes_on) < BLOB_BYTES
    assert task_completed([goes_on], changes) < MESSAGE_BYTES

    deletion = activity("t" * 64, [route.endpoint_id for route in routes])
    emptied = upsert(dict.fromkeys(written))
    assert argument_bytes(deletion) < BLOB_BYTES
    assert task_completed([emptied, deletion], changes) < MESSAGE_BYTES


def test_ten_settings_at_once():
    """Ten of the largest `put`s fit one message beside a full memo."""
    written = {
        routes_key(number): it for number, it in enumerate(RouteTable([full_table()]).packed())
    }
    put, answer = (
        TenantPutUpdate(settings=largest_settings()),
        TenantPutResult(tenant=tenant_view(), created=True),
    )
    puts = [message for _ in range(UPDATES_IN_FLIGHT) for message in answered(put, answer)]
    view = {MemoKey.TENANT: tenant_view(), MemoKey.AUDIT: fullest_trail()}
    everything = upsert({**written, **view})
    assert task_completed([everything], puts) < MESSAGE_BYTES


def test_a_change_is_not_a_table():
    """One change of a full table writes a fiftieth of it."""
    slices = RouteTable([shortest_routes()]).packed()
    assert max(memo_bytes(upsert({routes_key(1): it})) for it in slices) < 1.1 * MAX_SLICE_BYTES
    assert 50 * MAX_SLICE_BYTES < MAX_ROUTE_TABLE_BYTES


def catalogue(fields: EventTypeFields) -> CatalogueState:
    """Return a full catalogue of types like this one."""

    def entry(name: str) -> CatalogueEntry:
        return CatalogueEntry(**fields.model_dump(), name=name, created_at=NOW, updated_at=NOW)

    number = MAX_CATALOGUE_BYTES // len(entry("x" * 6).model_dump_json())
    names = [f"{n:06}" for n in range(number)]
    state = CatalogueState(entries={name: entry(name) for name in names})
    assert state.size_with("y" * 6, entry("y" * 6)) > MAX_CATALOGUE_BYTES
    return state


def largest_fields() -> EventTypeConfig:
    it = EventTypeConfig(example="")
    it = EventTypeConfig(example="x" * (MAX_ENTRY_BYTES - len(it.model_dump_json())))
    assert len(it.model_dump_json()) == MAX_ENTRY_BYTES
    return it


@pytest.mark.parametrize(
    "state",
    [catalogue(EventTypeFields()), catalogue(largest_fields())],
    ids=["many", "wide"],
)
def test_the_catalogue_at_its_largest(state):
    """A full catalogue continues as new, with ten of the largest types just entered."""
    entry = CatalogueEntry(
        **largest_fields().model_dump(), name="x" * 128, created_at=NOW, updated_at=NOW
    )
    put = EventTypePutUpdate(name="x" * 128, fields=largest_fields(), not_after=NOW)
    puts = [
        message
        for _ in range(UPDATES_IN_FLIGHT)
        for message in answered(put, EventTypePutResult(entry=entry, created=True))
    ]
    upserts = [upsert({entry.name: entry})] * UPDATES_IN_FLIGHT
    goes_on = continue_as_new(state, state.entries)
    assert argument_bytes(goes_on) < BLOB_BYTES
    assert memo_bytes(goes_on) < BLOB_BYTES
    assert task_completed([*upserts, goes_on], puts) < MESSAGE_BYTES


def fullest_trail() -> AuditTrail:
    """Return the longest audit trail that a tenant or an endpoint keeps."""
    trail = AuditTrail()
    asked = AskedBy(by="b" * MAX_ACTOR, request_id="r" * 100)
    for number in range(MAX_AUDIT_ENTRIES):
        # A lone change of many that are long, and then many short ones, fill it to the brim.
        field = AuditedField(field="f" * 20, old="\0" * 30, new="\0" * (number % 30))
        trail = trail.with_entry(NOW, AuditAction.CHANGED, asked, changes=[field])
    assert MAX_AUDIT_BYTES - KIB < len(trail.model_dump_json().encode()) <= MAX_AUDIT_BYTES
    return trail


def most_changes() -> StatusChanges:
    """Return the longest history that an endpoint keeps."""
    changes = StatusChanges()
    for _ in range(MAX_STATUS_CHANGES):
        changes.add(
            NOW,
            StatusChangeKind.DISABLED,
            EndpointStatus.DISABLED,
            reason="failing_too_long",
            last_error="\0" * 200,
            by="\0" * 200,
        )
    return changes


def largest_endpoint() -> EndpointState:
    """Return an endpoint with as much of everything as it may have."""
    config = EndpointConfig(url="https://hooks.example.com/", metadata={"x": "x" * 4_000})
    config.description = "x" * (MAX_CONFIG_BYTES - len(config.model_dump_json()))
    facts = {"event_id": "e" * 64, "event_type": "x" * 128, "attempts": 31}
    outcome = {"last_outcome": "blocked_destination", "last_status_code": 599}
    notice = Notice(number=10**9, type="delivery.exhausted", data={**facts, **outcome}, at=NOW)
    return EndpointState(
        tenant_id="t" * 64,
        endpoint_id="e" * 64,
        version=10**9,
        health=Health(
            counts=counts_of(WORST),
            known=[f"{n:x>64}" for n in range(MAX_KNOWN_REPORTS)],
            notices=NoticeQueue(waiting=[notice] * MAX_NOTICES),
            changes=most_changes(),
        ),
        config=config,
        secrets=[Secret(value="x" * 256, expires_at=NOW)] * MAX_LIVE_SECRETS,
        client_identity=ClientIdentity(certificate="", key="x" * (MAX_BYTES - MAX_CONFIG_BYTES)),
        created_by="x" * 64,
        created_at=NOW,
        updated_at=NOW,
        audit=fullest_trail(),
    )


def test_an_endpoint_at_its_largest():
    """All that ten updates, a round of duties and continuing as new bring fits one message."""
    state = largest_endpoint()
    change = EndpointChangeUpdate(fields=state.config.model_dump(mode="json"), not_after=NOW)
    changes = [
        message for _ in range(UPDATES_IN_FLIGHT) for message in answered(change, state.public())
    ]
    shown = {
        MemoKey.ENDPOINT: state.public(),
        MemoKey.STATUS_CHANGES: state.health.changes,
        MemoKey.AUDIT: state.audit,
    }
    endpoint = EndpointRef(tenant_id="t" * 64, endpoint_id="e" * 64)
    waiting = state.health.notices.waiting[:NOTICES_IN_A_TURN]
    notices = activity(NoticesInput(endpoint=endpoint, notices=waiting))
    change = RouteChange(endpoint_id="e" * 64, route=state.route())
    registration = activity(TenantRouteChange(tenant_id="t" * 64, change=change))
    goes_on = continue_as_new(state, shown)
    assert argument_bytes(goes_on) < BLOB_BYTES
    assert task_completed([upsert(shown), notices, registration], changes) < MESSAGE_BYTES
    assert task_completed([upsert(shown), goes_on], changes) < MESSAGE_BYTES


def test_a_recovery_at_its_largest():
    """A recovery's memo is a matter of two kilobytes, whatever it has done."""
    request = RecoveryInput(
        tenant_id="t" * 64,
        endpoint_id="e" * 64,
        since=NOW,
        until=NOW,
        status=RecoverySelection.MISSING,
        per_second=99.9,
    )
    view = RecoveryView(request=request)
    view.progress = view.progress.after(NOW, "r" * 36).model_copy(update={"total": 10**9})
    assert memo_bytes(upsert({MemoKey.RECOVERY: view})) < 2 * KIB
