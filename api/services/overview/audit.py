"""The service of audit trails: who changed a tenant or an endpoint, what, and when."""

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TypeVar

from pydantic import BaseModel
from temporalio.client import Client, WorkflowExecutionDescription

from api.http import Cursors, Page, not_found
from api.services.temporal import describe
from hookwright.audit import AuditAction, AuditEntry, AuditTrail
from hookwright.contracts import DisabledReason
from hookwright.health import StatusChange, StatusChangeKind, StatusChanges
from hookwright.ids import endpoint_workflow_id, tenant_workflow_id
from hookwright.temporal import MemoKey

HOOKWRIGHT = "Hookwright"
"""Who did what no caller asked for."""

AUTOMATIC = {
    StatusChangeKind.DISABLED: AuditAction.DISABLED,
    StatusChangeKind.RECOVERED: AuditAction.RECOVERED,
}

Kept = TypeVar("Kept", bound=BaseModel)


@dataclass(frozen=True)
class ListedEntry:
    """An entry of a trail; `reason` is the rule that disabled an endpoint, if that is told."""

    entry: AuditEntry
    reason: DisabledReason | None = None

    @property
    def place(self) -> tuple[datetime, bool, int]:
        """Where it stands in a list; no two entries have the same place."""
        return self.entry.at, self.reason is not None, self.entry.number


@dataclass(frozen=True)
class AuditPage:
    """A page of a trail. `dropped` older entries are not kept any more."""

    page: Page[ListedEntry]
    dropped: int


@dataclass(frozen=True)
class AuditService:
    """Reads audit trails, those of deleted tenants and endpoints, too. It needs no worker."""

    client: Client
    cursors: Cursors

    async def of_tenant(self, tenant_id: str, limit: int, cursor: str | None) -> AuditPage:
        """Return a page of a tenant's trail, the newest entries first.

        Raises:
            Problem: 404; 422 a foreign cursor.
        """
        description = await describe(self.client, tenant_workflow_id(tenant_id))
        # A deleted tenant has its trail in its memo, and no settings any more.
        if description is None or not _was_there(description, MemoKey.TENANT, MemoKey.AUDIT):
            raise not_found("tenant")
        trail = await _kept(description, MemoKey.AUDIT, AuditTrail)
        return self._page(f"audit of {tenant_id}", trail, [], limit, cursor)

    async def of_endpoint(
        self, tenant_id: str, endpoint_id: str, limit: int, cursor: str | None
    ) -> AuditPage:
        """Return a page of an endpoint's trail, the newest entries first.

        What Hookwright itself did is kept with the history of the status, so that an endpoint that
        fails and recovers all day drops nothing of what people did.

        Raises:
            Problem: 404; 422 a foreign cursor.
        """
        description = await describe(self.client, endpoint_workflow_id(tenant_id, endpoint_id))
        if description is None or not _was_there(description, MemoKey.ENDPOINT):
            raise not_found("endpoint")
        trail = await _kept(description, MemoKey.AUDIT, AuditTrail)
        history = await _kept(description, MemoKey.STATUS_CHANGES, StatusChanges)
        automatic = [
            _automatic(number, change)
            for number, change in history.since_creation(None)
            if change.reason and change.change in AUTOMATIC
        ]
        return self._page(f"audit of {tenant_id} {endpoint_id}", trail, automatic, limit, cursor)

    def _page(
        self,
        scope: str,
        trail: AuditTrail,
        automatic: list[ListedEntry],
        limit: int,
        cursor: str | None,
    ) -> AuditPage:
        after = self.cursors.read(scope, cursor).decode()
        found = [*map(ListedEntry, trail.latest), *automatic]
        rows = sorted(found, key=attrgetter("place"), reverse=True)
        rows = [row for row in rows if not after or row.place < _place(after)]
        shown = rows[:limit]
        position = _written(shown[-1]) if len(rows) > limit else b""
        page = Page[ListedEntry](data=shown, next_cursor=self.cursors.write(scope, position))
        return AuditPage(page, trail.dropped)


def _automatic(number: int, change: StatusChange) -> ListedEntry:
    entry = AuditEntry(number=number, at=change.at, action=AUTOMATIC[change.change], by=HOOKWRIGHT)
    return ListedEntry(entry, change.reason)


async def _kept(description: WorkflowExecutionDescription, key: MemoKey, model: type[Kept]) -> Kept:
    """Return what a memo has under a key. Those of before there was a trail have nothing."""
    kept = await description.memo_value(key, None, type_hint=model)
    return kept or model()


def _was_there(description: WorkflowExecutionDescription, *keys: MemoKey) -> bool:
    """Return whether a tenant or an endpoint was ever created: its memo has one of the keys."""
    memo = description.raw_description.workflow_execution_info.memo
    return any(key in memo.fields for key in keys)


def _written(entry: ListedEntry) -> bytes:
    at, is_automatic, number = entry.place
    return f"{at.isoformat()} {int(is_automatic)} {number}".encode()


def _place(position: str) -> tuple[datetime, bool, int]:
    at, is_automatic, number = position.split(" ")
    return datetime.fromisoformat(at), is_automatic == "1", int(number)
