"""`Tenant`: a customer's settings and the route table of their endpoints."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.entities import EntityActivities
    from activities.erasure import ErasureActivities
    from hookwright.audit import AskedBy, AuditAction, differences
    from hookwright.models import TenantEndpoints, TenantSettings, TenantView
    from hookwright.routing import RouteChanges, RoutesChanged, RouteTable, TenantState
    from hookwright.temporal import (
        ErrorType,
        MemoKey,
        Signal,
        WorkflowType,
        routes_key,
        tenant_search_attributes,
    )
    from hookwright.times import Timestamp
    from workflows.deadline import AuditedUpdate
    from workflows.explaining import SearchIndex, explained_update, tenant_details

from workflows.clearing_up import cancel_deliveries

CLEAN_UP_TIMEOUT = timedelta(hours=6)
CLEAN_UP_HEARTBEAT = timedelta(seconds=30)


class TenantPutUpdate(AuditedUpdate):
    """The argument of `put`. `keeps_tokens_not_before`: an earlier revocation of tokens stays.

    `keeps_slack_url`: so does the URL in an earlier `notify`, if there is a new `notify`.
    """

    settings: TenantSettings
    keeps_tokens_not_before: bool = False
    keeps_slack_url: bool = False


class TenantChangeUpdate(AuditedUpdate):
    """The argument of `change`: the settings to set, and which tokens to revoke beside.

    Tokens issued before `revoke_before` are revoked. An earlier revocation of later tokens stays.
    `keeps_slack_url`: the URL in an earlier `notify` stays, if there is a new `notify`.
    """

    fields: dict[str, Any]
    revoke_before: Timestamp | None = None
    keeps_slack_url: bool = False

    def applied_to(self, settings: TenantSettings) -> TenantSettings:
        """Return the settings after the change.

        Raises:
            ApplicationError: they are not valid.
        """
        try:
            # Another change may have been made since the caller's fields were checked.
            changed = TenantSettings.model_validate({**settings.model_dump(), **self.fields})
        except ValueError as error:
            raise ApplicationError(str(error), type=ErrorType.CONFLICT) from None
        if "notify" in self.fields and changed.notify:
            changed.notify = changed.notify.completed(
                settings.notify, keeps_slack_url=self.keeps_slack_url
            )
        if self.revoke_before:
            earlier = changed.tokens_not_before
            changed.tokens_not_before = max(self.revoke_before, earlier or self.revoke_before)
        return changed


class TenantDeleteUpdate(AskedBy):
    """The argument of `delete`: whether its events and deliveries go with it."""

    erase: bool = False


class TenantPutResult(BaseModel):
    """The answer to `put`."""

    tenant: TenantView
    created: bool


@workflow.defn(name=WorkflowType.TENANT)
class Tenant:
    """Lives until deleted. State is carried in the argument; the memo is the copy others read.

    Handlers only change the state. `run` copies it to the memo, once for all updates of a workflow
    task and together with their answers. So a caller that has its answer can read the change.
    """

    @workflow.init
    def __init__(self, state: TenantState) -> None:
        self.state = state
        self.table = RouteTable(state.routes)
        self.view_changed = False
        self.notify_in_memo = state.settings.notify is not None
        self.endpoints_to_delete: list[str] = []
        self.deleted_by = AskedBy()
        self.index = SearchIndex()
        self.renewing = False

    @workflow.run
    async def run(self, state: TenantState) -> None:  # noqa: ARG002 - taken by __init__
        """Serve updates until deleted, and continue as new when the history has grown long."""
        while not self.closing():
            self.publish()
            await workflow.wait_condition(lambda: self.closing() or self.changed())
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self.state.deleted:
            self.continue_as_new()
        self.publish()
        await self.delete_endpoints()
        if self.state.erase:
            await self.erase()
        else:
            await cancel_deliveries(self.state.tenant_id)

    def closing(self) -> bool:
        """Return whether this run ends: deleted, to be written afresh, or its history is long."""
        return self.state.deleted or self.renewing or workflow.info().is_continue_as_new_suggested()

    def changed(self) -> bool:
        """Return whether the memo differs from the state."""
        return self.view_changed or bool(self.table.changed)

    def publish(self) -> None:
        """Copy to the memo what has changed since the last copy."""
        memo: dict[str, object] = {
            routes_key(number): self.table.slice(number) or None
            for number in sorted(self.table.changed)
        }
        if self.view_changed:
            memo[MemoKey.TENANT] = None if self.state.deleted else self.view()
            memo |= {MemoKey.AUDIT: self.state.audit, **self.notify_memo()}
        workflow.upsert_memo(memo)
        workflow.set_current_details(tenant_details(self.state, self.table))
        self.index.show(tenant_search_attributes(self.state.tenant_id))
        self.table.changed.clear()
        self.view_changed = False

    def notify_memo(self) -> dict[str, object]:
        """Return the memo's entry of who is told; nothing for a tenant that never had one."""
        notify = None if self.state.deleted else self.state.settings.notify
        if notify is None and not self.notify_in_memo:
            return {}
        self.notify_in_memo = True
        return {MemoKey.NOTIFY: notify}

    def continue_as_new(self) -> None:
        """Go on in a new run, with a packed route table and a memo that equals the state."""
        self.state.routes = self.table.packed()
        slices = {routes_key(number): it for number, it in enumerate(self.state.routes)}
        shown: dict[str, object] = {MemoKey.TENANT: self.view(), MemoKey.AUDIT: self.state.audit}
        view = {**shown, **self.notify_memo()} if self.state.version else {}
        workflow.continue_as_new(
            self.state,
            memo={**view, **slices},
            search_attributes=tenant_search_attributes(self.state.tenant_id),
        )

    @workflow.signal(name=Signal.RENEW, description="Write everything under the current key.")
    def renew(self) -> None:
        """Continue as new, which writes everything under the current encryption key."""
        self.renewing = True

    @explained_update
    async def put(self, request: TenantPutUpdate) -> TenantPutResult:
        """Create the tenant or change its settings."""
        created = self.state.version == 0
        if request.keeps_tokens_not_before:
            request.settings.tokens_not_before = self.state.settings.tokens_not_before
        if request.settings.notify:
            request.settings.notify = request.settings.notify.completed(
                self.state.settings.notify, keeps_slack_url=request.keeps_slack_url
            )
        action = AuditAction.CREATED if created else AuditAction.CHANGED
        return TenantPutResult(tenant=self.keep(request.settings, request, action), created=created)

    @explained_update
    async def change(self, request: TenantChangeUpdate) -> TenantView:
        """Set the given settings, and no others, whatever else changes at the same time."""
        revokes = request.revoke_before is not None
        action = AuditAction.TOKENS_REVOKED if revokes else AuditAction.CHANGED
        return self.keep(request.applied_to(self.state.settings), request, action)

    def keep(self, settings: TenantSettings, asked: AskedBy, action: AuditAction) -> TenantView:
        """Make a new version with these settings, and return it."""
        now = workflow.now()
        changes = differences(self.state.settings.audited_fields(), settings.audited_fields())
        if changes or action is AuditAction.CREATED:
            self.state.audit = self.state.audit.with_entry(now, action, asked, changes=changes)
        self.state.settings = settings
        self.state.version += 1
        self.state.created_at = self.state.created_at or now
        self.state.updated_at = now
        self.view_changed = True
        return self.view()

    @explained_update
    async def change_routes(self, request: RouteChanges) -> RoutesChanged:
        """Enter, change or remove routes. If one change is refused, the others are still made."""
        return RoutesChanged(refusals=[self.table.apply(change) for change in request.changes])

    @explained_update
    async def delete(self, request: TenantDeleteUpdate | None = None) -> None:
        """Delete the tenant: no event is matched from now on; its endpoints are deleted next."""
        asked = request or TenantDeleteUpdate()
        if not self.state.deleted:
            self.deleted_by = asked
            self.state.audit = self.state.audit.without_people().with_entry(
                workflow.now(), AuditAction.DELETED, asked
            )
        self.state.deleted = True
        self.state.erase = asked.erase
        self.endpoints_to_delete += self.table.clear()
        self.view_changed = True

    @put.validator
    def refuse_put(self, request: TenantPutUpdate) -> None:
        """Refuse a change of a tenant that is being deleted; soon it can be created again."""
        request.refuse_when_late(workflow.now())
        if self.state.deleted:
            raise ApplicationError(
                "this tenant is being deleted; try again in a moment", type=ErrorType.CONFLICT
            )

    @change.validator
    def refuse_change(self, request: TenantChangeUpdate) -> None:
        """Refuse an invalid change, and one of a tenant that is not there or is being deleted."""
        request.refuse_when_late(workflow.now())
        if self.state.deleted or not self.state.version:
            raise ApplicationError("there is no such tenant", type=ErrorType.NOT_FOUND)
        request.applied_to(self.state.settings)

    @change_routes.validator
    def refuse_change_routes(self, request: RouteChanges) -> None:  # noqa: ARG002
        """Refuse endpoints of a tenant that is being deleted: its table is empty, and stays so."""
        if self.state.deleted:
            raise ApplicationError("this tenant is being deleted", type=ErrorType.TENANT_DELETED)

    async def delete_endpoints(self) -> None:
        """Delete all endpoints of a deleted tenant."""
        await workflow.execute_activity_method(
            EntityActivities.delete_endpoints,
            TenantEndpoints(
                tenant_id=self.state.tenant_id,
                endpoint_ids=self.endpoints_to_delete,
                by=self.deleted_by.by,
                request_id=self.deleted_by.request_id,
            ),
            start_to_close_timeout=CLEAN_UP_TIMEOUT,
            heartbeat_timeout=CLEAN_UP_HEARTBEAT,
            summary=f"delete the tenant's {len(self.endpoints_to_delete)} endpoints",
        )

    async def erase(self) -> None:
        """Delete all executions of a deleted tenant, with the events that they hold."""
        await workflow.execute_activity_method(
            ErasureActivities.erase_tenant,
            self.state.tenant_id,
            start_to_close_timeout=CLEAN_UP_TIMEOUT,
            heartbeat_timeout=CLEAN_UP_HEARTBEAT,
            summary="erase all that Temporal keeps of the tenant",
        )

    def view(self) -> TenantView:
        """Return what the memo shows."""
        now = workflow.now()
        state = self.state
        return TenantView.of(
            state.tenant_id, state.settings, state.created_at or now, state.updated_at or now
        )
