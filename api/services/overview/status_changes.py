"""The service of status changes: what happened to an endpoint, or to all endpoints of a tenant."""

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from temporalio.api.common.v1 import Memo
from temporalio.client import Client, WorkflowExecutionStatus

from api.http import Cursors, Page, not_found
from api.services.lists import ExecutionLists
from api.services.temporal import describe
from api.services.tenants import TenantService
from hookwright.health import StatusChange, StatusChanges
from hookwright.ids import endpoint_workflow_id
from hookwright.models import EndpointState
from hookwright.temporal import (
    MemoKey,
    WorkflowType,
    converter_of,
    endpoint_of,
    executions_of,
    has_status,
    workflow_id_starts_with,
)

CALLS = 5
"""Calls to visibility for the changes of a tenant: they bring its 1,000 newest endpoints."""


@dataclass(frozen=True)
class NumberedChange:
    """A change of an endpoint's status, with its number among the endpoint's changes."""

    endpoint_id: str
    number: int
    change: StatusChange

    @property
    def place(self) -> tuple[datetime, str, int]:
        """Where it stands in a list; no two changes have the same place."""
        return self.change.at, self.endpoint_id, self.number


@dataclass(frozen=True)
class StatusChangeService:
    """Reads status changes. Each endpoint keeps its latest ones; reading them needs no worker."""

    client: Client
    tenants: TenantService
    lists: ExecutionLists
    cursors: Cursors

    async def of_endpoint(self, tenant_id: str, endpoint_id: str) -> list[NumberedChange]:
        """Return all changes that an endpoint has kept, the newest first.

        Raises:
            Problem: 404.
        """
        description = await describe(self.client, endpoint_workflow_id(tenant_id, endpoint_id))
        if description is None or await endpoint_of(description) is None:
            raise not_found("endpoint")
        memo = description.raw_description.workflow_execution_info.memo
        return _newest_first(await self._read(tenant_id, endpoint_id, memo))

    async def page(self, tenant_id: str, limit: int, cursor: str | None) -> Page[NumberedChange]:
        """Return a page of the changes of all endpoints of a tenant, the newest first.

        Raises:
            Problem: 404 no such tenant; 422 a foreign cursor; 503 too many lists were asked for.
        """
        await self.tenants.known(tenant_id)
        scope = f"status changes of {tenant_id}"
        after = self.cursors.read(scope, cursor).decode()
        changes = [
            each
            for each in await self._of_tenant(tenant_id)
            if not after or each.place < _place(after)
        ]
        shown = changes[:limit]
        position = _written(shown[-1]) if len(changes) > limit else b""
        return Page(data=shown, next_cursor=self.cursors.write(scope, position))

    async def _of_tenant(self, tenant_id: str) -> list[NumberedChange]:
        prefix = endpoint_workflow_id(tenant_id, "")
        query = executions_of(
            WorkflowType.ENDPOINT,
            has_status(WorkflowExecutionStatus.RUNNING),
            workflow_id_starts_with([prefix]),
        )
        found: list[NumberedChange] = []
        for row in await self.lists.rows(query, CALLS, tenant_id):
            # An underscore in the tenant's id stands for any character in visibility's query.
            if row.workflow_id.startswith(prefix):
                found += await self._read(tenant_id, row.workflow_id.removeprefix(prefix), row.memo)
        return _newest_first(found)

    async def _read(self, tenant_id: str, endpoint_id: str, memo: Memo) -> list[NumberedChange]:
        converter = converter_of(self.client, endpoint_workflow_id(tenant_id, endpoint_id))
        changes, created_at = StatusChanges(), None
        if payload := memo.fields.get(MemoKey.STATUS_CHANGES):
            [read] = await converter.decode([payload], [StatusChanges])
            changes = StatusChanges.model_validate(read)
        if not changes.begins and (payload := memo.fields.get(MemoKey.ENDPOINT)):
            [state] = await converter.decode([payload], [EndpointState])
            endpoint = EndpointState.model_validate(state)
            if endpoint.deleted:
                return []  # a deleted endpoint empties its history, so it comes here
            created_at = endpoint.created_at
        return [
            NumberedChange(endpoint_id, number, change)
            for number, change in changes.since_creation(created_at)
        ]


def _newest_first(changes: list[NumberedChange]) -> list[NumberedChange]:
    return sorted(changes, key=attrgetter("place"), reverse=True)


def _written(change: NumberedChange) -> bytes:
    at, endpoint_id, number = change.place
    return f"{at.isoformat()} {endpoint_id} {number}".encode()


def _place(position: str) -> tuple[datetime, str, int]:
    at, endpoint_id, number = position.split(" ")
    return datetime.fromisoformat(at), endpoint_id, int(number)
