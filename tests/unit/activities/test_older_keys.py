"""What still needs an older key: what is asked to be rewritten, and what is looked into."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from support.stack import KEY
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.converter import DataConverter, WorkflowSerializationContext

from activities.keys import ReencryptionActivities
from activities.keys.key_uses import OldKey
from activities.keys.lasting import RENEWED
from activities.keys.stored_payloads import NEEDS_NO_OLD_KEY, metadata_entry, queries_since
from hookwright.audit import AskedBy, AuditAction, AuditTrail
from hookwright.models import ReencryptionInput
from hookwright.temporal import EncryptionCodec, MemoKey, WorkflowType, data_converter
from runtime.keys.reencrypt import in_use_again, still_needed

NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)


def converter(key_id: str, workflow_id: str) -> DataConverter:
    codec = EncryptionCodec({key_id: KEY})
    return data_converter(codec).with_context(WorkflowSerializationContext("default", workflow_id))


async def written_under(key_id: str, value: object, workflow_id: str = "w") -> Payload:
    [payload] = await converter(key_id, workflow_id).encode([value])
    return payload


@pytest.mark.parametrize("value", ["short", "long " * 100])
async def test_a_key_is_found_wherever_it_is_named(value: str) -> None:
    """In arguments, memos, summaries, heartbeats: any field; and no key whose id begins alike."""
    payload = await written_under("k1", value)
    event, described = HistoryEvent(), DescribeWorkflowExecutionResponse()
    event.workflow_execution_started_event_attributes.input.payloads.append(payload)
    summary, memo = HistoryEvent(), HistoryEvent()
    summary.user_metadata.summary.CopyFrom(payload)
    memo.workflow_properties_modified_event_attributes.upserted_memo.fields["x"].CopyFrom(payload)
    described.pending_activities.add().heartbeat_details.payloads.append(payload)
    for message in (event, summary, memo, described):
        stored = message.SerializeToString()
        assert metadata_entry("k1") in stored
        assert not any(metadata_entry(other) in stored for other in ("k", "k11", "k2"))


def test_every_kind_of_workflow_is_looked_into() -> None:
    """All that began since then, and what lives long whenever it began."""
    queries = "\n".join(queries_since(NOW))
    for kind in WorkflowType:
        runs = (kind not in NEEDS_NO_OLD_KEY) + (kind in RENEWED)
        assert queries.count(f"WorkflowType = '{kind}'") == runs, kind


async def row(workflow_id: str, *actions: AuditAction, began: datetime = NOW) -> Any:
    trail = AuditTrail()
    for action in actions:
        trail = trail.with_entry(NOW, action, AskedBy())
    memo = {MemoKey.AUDIT: await written_under("k1", trail, workflow_id)} if actions else {}
    return SimpleNamespace(
        id=workflow_id,
        start_time=began,
        raw_info=SimpleNamespace(memo=SimpleNamespace(fields=memo)),
    )


async def test_what_is_being_deleted_is_not_waited_for() -> None:
    """A tenant that erases for hours never continues as new: the re-encryption goes on without."""
    rows = [
        await row("tenant:erased", AuditAction.CREATED, AuditAction.DELETED),
        await row("tenant:kept", AuditAction.CREATED),
        await row("queue:acme:ep"),
        await row("tenant:rewritten", began=NOW + timedelta(hours=1)),
    ]

    class Listing:
        namespace = "default"
        data_converter = data_converter(EncryptionCodec({"k1": KEY}))

        async def list_workflows(self, query: str, **_: object) -> AsyncIterator[Any]:
            for each in rows if f"'{WorkflowType.TENANT}'" in query else ():
                yield each

    activities: Any = ReencryptionActivities(Listing(), "q")  # type: ignore[arg-type]
    request = ReencryptionInput(key_id="k1", began_at=NOW + timedelta(minutes=1))
    found = [each.id async for each in activities._old_ones(request)]
    assert found == ["tenant:kept", "queue:acme:ep"]


def old_key(**fields: Any) -> OldKey:
    use: Any = SimpleNamespace(key_id="k1", left_at=NOW)
    return OldKey(**{"use": use, "open": {}, "ended": 0, "written": (), "looked_into": 0, **fields})


def test_what_is_said_of_an_old_key() -> None:
    """What keeps it, what was looked into, what the operator must be sure of, and what to do."""
    day = timedelta(days=1)
    free = still_needed(old_key(looked_into=1234), "k2", day)
    assert free.startswith(
        "✓ k1 may go: nothing that is stored needs it any more. Looked into 1,234"
    )
    assert "also in services that publish through Temporal" in free
    kept = still_needed(old_key(open={"Tenant": 1}, ended=3), "k2", day)
    assert "(1 open Tenant, 3 that have ended and are kept until retention is over)" in kept
    assert (old_key().may_go, old_key(open={"Tenant": 1}).may_go) == (True, False)
    assert not old_key(ended=3).may_go
    used = old_key(written=("event:acme:1", "event:acme:2"))
    assert not used.may_go
    said = in_use_again(used, "k2")
    assert said.startswith("k1 is still in use: it was left at 2026-01-15 10:00 UTC, and later")
    assert "in event:acme:1, event:acme:2, and perhaps in others" in said
    assert "Put k2 first in HOOKWRIGHT_ENCRYPTION_KEYS everywhere" in said
