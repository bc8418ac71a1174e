"""The service of tenants: create, read, change, delete."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cachetools import TTLCache
from pydantic import ValidationError
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
)
from temporalio.common import WorkflowIDConflictPolicy

from api.acting import asking
from api.http import Page, conflict, invalid_model, not_found
from api.services.endpoint_checks import checked_notify, chosen_contract, leaves_out_slack_url
from api.services.lists import ExecutionLists, superseded
from api.services.temporal import (
    UPDATE_TIMEOUT,
    deadline,
    describe,
    updating,
)
from hookwright import metrics
from hookwright.contracts import Contracts
from hookwright.ids import tenant_workflow_id
from hookwright.models import EventInput, Route, TenantSettings, TenantView
from hookwright.routing import Matches, TenantState
from hookwright.security import DestinationPolicy
from hookwright.temporal import (
    RPC_TIMEOUT,
    LatestRuns,
    MemoKey,
    RouteTables,
    Row,
    WorkflowType,
    converter_of,
    executions_of,
    fair_share,
    has_status,
    is_left_to_worker,
    tenant_search_attributes,
)
from workflows.tenant import (
    Tenant,
    TenantChangeUpdate,
    TenantDeleteUpdate,
    TenantPutResult,
    TenantPutUpdate,
)

KNOWN_SECONDS = 5.0
"""How long a call relies on what was read of a tenant, unless it needs it as it is now."""

TENANTS = executions_of(
    WorkflowType.TENANT,
    has_status(WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW),
)


@dataclass(frozen=True)
class TenantAtPublish:
    """A tenant as a publish reads it. `routes` is None if they are too many to be read there."""

    settings: TenantView
    routes: list[Route] | None
    endpoints: int

    def deliveries_at_most(self, event: EventInput, matches: Matches | None) -> int:
        """Return how many deliveries an event has, without those that a cheap filter excludes.

        What is left to the worker counts as a delivery: a costly filter, and each endpoint of a
        tenant that has too many to be read at a publish.
        """
        if event.endpoint_id:
            return 1
        return self.endpoints if matches is None else len(matches.possible)


@dataclass(frozen=True)
class TenantService:
    """Reads and changes tenants."""

    client: Client
    task_queue: str
    contracts: Contracts
    destinations: DestinationPolicy
    lists: ExecutionLists
    _known: TTLCache[str, TenantView] = field(
        default_factory=lambda: TTLCache(10_000, KNOWN_SECONDS), init=False
    )
    _with_many_routes: TTLCache[str, int] = field(
        default_factory=lambda: TTLCache(10_000, KNOWN_SECONDS), init=False
    )
    _route_tables: RouteTables = field(default_factory=RouteTables, init=False)
    _runs: LatestRuns = field(default_factory=LatestRuns, init=False)

    async def put(self, tenant_id: str, settings: TenantSettings) -> TenantPutResult:
        """Create a tenant, or change it. A revocation stays until another, or null, is set.

        Raises:
            Problem: 409 it is being deleted; 422 there is no such contract, or the chat's URL
                may not be called.
        """
        chosen_contract(self.contracts, settings.contract)
        settings.notify = checked_notify(settings.notify, self.destinations)
        request = TenantPutUpdate(
            settings=settings,
            # A caller that only renames a tenant leaves it out: that must not revive stolen tokens.
            keeps_tokens_not_before="tokens_not_before" not in settings.model_fields_set,
            keeps_slack_url=leaves_out_slack_url(settings.notify),
            not_after=deadline(),
            **asking(),
        )
        start = WithStartWorkflowOperation(
            Tenant.run,
            TenantState(tenant_id=tenant_id),
            id=tenant_workflow_id(tenant_id),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            priority=fair_share(tenant_id),
            search_attributes=tenant_search_attributes(tenant_id),
        )
        # An update waits long for a worker; this call fails soon if Temporal itself is away.
        await describe(self.client, tenant_workflow_id(tenant_id))
        try:
            async with updating("tenant", start):
                return await self.client.execute_update_with_start_workflow(
                    Tenant.put,
                    request,
                    start_workflow_operation=start,
                    rpc_timeout=UPDATE_TIMEOUT,
                )
        finally:
            self._known.pop(tenant_id, None)

    async def change(
        self,
        tenant_id: str,
        fields: Mapping[str, Any],
        *,
        revoke_before: datetime | None = None,
    ) -> TenantView:
        """Set the given settings and no others; revoke the tokens issued before a time, if given.

        Raises:
            Problem: 404; 422 a setting that will not do.
        """
        current = await self.get(tenant_id)
        kept = current.model_dump(include=set(TenantSettings.model_fields))
        try:
            changed = TenantSettings.model_validate({**kept, **fields})
        except ValidationError as error:
            raise invalid_model(error, "body") from None
        if "contract" in fields:
            chosen_contract(self.contracts, changed.contract)
        if "notify" in fields:
            changed.notify = checked_notify(changed.notify, self.destinations)
        checked = changed.model_dump(mode="json")
        request = TenantChangeUpdate(
            fields={name: checked[name] for name in fields},
            keeps_slack_url=leaves_out_slack_url(changed.notify),
            revoke_before=revoke_before,
            not_after=deadline(),
            **asking(),
        )
        handle = self.client.get_workflow_handle(tenant_workflow_id(tenant_id))
        try:
            async with updating("tenant"):
                return await handle.execute_update(
                    Tenant.change, request, rpc_timeout=UPDATE_TIMEOUT
                )
        finally:
            self._known.pop(tenant_id, None)

    async def revoke_tokens(self, tenant_id: str, before: datetime | None = None) -> TenantView:
        """Revoke a tenant's tokens that were issued before a time, by default all until now.

        Raises:
            Problem: 404.
        """
        # Times are stored in milliseconds, and a token's is rounded to one: the next but one is
        # later than that of every token that was made so far.
        until = before or datetime.now(UTC) + timedelta(milliseconds=2)
        return await self.change(tenant_id, {}, revoke_before=until)

    async def get(self, tenant_id: str) -> TenantView:
        """Return a tenant, as it is now.

        Raises:
            Problem: 404.
        """
        view, _ = await self._read(tenant_id)
        return view

    async def known(self, tenant_id: str) -> TenantView:
        """Return a tenant, as it was at most KNOWN_SECONDS ago.

        Raises:
            Problem: 404.
        """
        return self._known.get(tenant_id) or await self.get(tenant_id)

    async def routes(self, tenant_id: str) -> list[Route]:
        """Return a tenant's route table: its endpoints, oldest first.

        Raises:
            Problem: 404.
        """
        _, description = await self._read(tenant_id)
        return await self._route_tables.of(description)

    async def check_quota(self, tenant_id: str, max_endpoints: int | None) -> None:
        """Refuse one more endpoint beyond the quota. Those that come at once may exceed it.

        Raises:
            Problem: 404; 409 it has as many as it may.
        """
        if max_endpoints and len(await self.routes(tenant_id)) >= max_endpoints:
            metrics.refused(metrics.ApiLimit.ENDPOINTS)
            raise conflict(f"a tenant of this tier has at most {max_endpoints} endpoints")

    async def at_publish(self, tenant_id: str) -> TenantAtPublish:
        """Return a tenant as it is now, with its routes.

        A tenant whose routes are left to the worker is returned without them, and as it was at
        most KNOWN_SECONDS ago. An event for it is accepted even if it was deleted meanwhile; its
        `Event` fails then.

        Raises:
            Problem: 404.
        """
        if many := self._with_many_routes.get(tenant_id):
            return TenantAtPublish(await self.known(tenant_id), None, many)
        settings, description = await self._read(tenant_id)
        routes = await self._route_tables.of(description)
        if is_left_to_worker(routes):
            self._with_many_routes[tenant_id] = len(routes)
            return TenantAtPublish(settings, None, len(routes))
        return TenantAtPublish(settings, routes, len(routes))

    async def page(self, limit: int, cursor: str | None) -> Page[TenantView]:
        """Return a page of tenants, those first whose last run began last."""
        return await self.lists.page(TENANTS, limit, cursor, self._shown)

    async def delete(self, tenant_id: str, *, erase: bool = False) -> None:
        """Delete a tenant with all its endpoints; `erase` its events and deliveries too.

        Raises:
            Problem: 404.
        """
        await self.get(tenant_id)
        handle = self.client.get_workflow_handle(tenant_workflow_id(tenant_id))
        async with updating("tenant"):
            await handle.execute_update(
                Tenant.delete,
                TenantDeleteUpdate(erase=erase, **asking()),
                rpc_timeout=UPDATE_TIMEOUT,
            )
        self._known.pop(tenant_id, None)

    async def _shown(self, row: Row, newest: int) -> TenantView | None:
        """Return a listed tenant once, though visibility lists each run of a tenant."""
        memo = row.memo
        if row.status is not WorkflowExecutionStatus.RUNNING:
            latest = await describe(self.client, row.workflow_id)
            if (
                latest is None
                or latest.status is not WorkflowExecutionStatus.RUNNING
                or superseded(row, latest, newest)
            ):
                return None
            memo = latest.raw_description.workflow_execution_info.memo
        if MemoKey.TENANT not in memo.fields:
            return None
        [view] = await converter_of(self.client, row.workflow_id).decode(
            [memo.fields[MemoKey.TENANT]], [TenantView]
        )
        return view and TenantView.model_validate(view)  # null: it is being deleted

    async def _read(self, tenant_id: str) -> tuple[TenantView, WorkflowExecutionDescription]:
        workflow_id = tenant_workflow_id(tenant_id)
        description = await self._runs.described(self.client, workflow_id, RPC_TIMEOUT)
        if description is None or description.status is not WorkflowExecutionStatus.RUNNING:
            raise not_found("tenant")
        view = await description.memo_value(MemoKey.TENANT, None, type_hint=TenantView)
        if view is None:
            raise not_found("tenant")
        self._known[tenant_id] = view
        return view, description
