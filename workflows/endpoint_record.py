"""An endpoint's state within its workflow: its versions, its route, and the copy in the memo."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.entities import EntityActivities
    from hookwright.audit import AskedBy, AuditAction, AuditedField, AuditNote, differences
    from hookwright.health import Health, StatusChanges
    from hookwright.models import EndpointConfig, EndpointState
    from hookwright.outcomes import EndpointStatus
    from hookwright.routing import RouteChange, TenantRouteChange
    from hookwright.temporal import (
        ErrorType,
        MemoKey,
        endpoint_search_attributes,
    )
    from workflows.endpoint_messages import EndpointChangeUpdate, EndpointCreateUpdate
    from workflows.explaining import SearchIndex, endpoint_details

from workflows.logs import EndpointStatusLog

TENANT_TIMEOUT = timedelta(seconds=5)
"""For one try to change the tenant's route table. If the worker is killed, the next try begins
after this time."""

TENANT_ANSWERS_WITHIN = timedelta(seconds=30)
"""For all tries together: a change of the endpoint waits for them, and later changes wait for that
one. A caller of the API has its 503 by then (`api.services.temporal.UPDATE_TIMEOUT`)."""


class EndpointRecord:
    """The state of one endpoint, and every way in which it changes.

    Hold `lock` during a change. A change waits for the tenant's answer; without the lock two
    changes could reach the tenant's route table in one order and this state in the other.
    """

    def __init__(self, state: EndpointState) -> None:
        self.state = state
        self.lock = asyncio.Lock()
        self.in_route_table = True
        self.deleted_with_tenant = False
        self.creation_failed = False
        self._memo_is_old = False
        self._index = SearchIndex()
        self._status_log = EndpointStatusLog(state)
        self._changes_shown = state.health.changes.made
        self._audit_shown = state.audit
        self._noted: list[tuple[datetime, AuditNote]] = []
        """The notes that came while a change waits for the tenant: they stay if it is refused."""

    @property
    def health(self) -> Health:
        """The endpoint's health: one object, whatever version of the rest is current."""
        return self.state.health

    # The copy in the memo.

    def publish(self) -> None:
        """Tell the log what has changed, and have the state copied to the memo.

        The copy is made once all handlers of this activation have run.
        """
        self._memo_is_old = True
        self._status_log.update(self.state)

    async def keep_memo(self, held_back: Callable[[], bool]) -> None:
        """Copy the state to the memo whenever it has changed, unless that is `held_back`.

        However many handlers change the state in one activation, there is one copy. The SDK looks
        at wait conditions after all handlers of an activation, and stores all commands together. So
        a caller that has its answer, and an activity that runs after a change, can read the change.
        One copy for each of a thousand signals would be more than Temporal takes in a message, and
        Temporal would terminate the workflow.
        """
        while True:
            await workflow.wait_condition(lambda: self._memo_is_old and not held_back())
            self._memo_is_old = False
            workflow.upsert_memo(self._memo_of_what_changed())
            self.explain()
            # In the task that writes the memo, and only when status or colour differ.
            self._index.show(endpoint_search_attributes(self.state, workflow.now()))

    def explain(self) -> None:
        """Tell people who look at the workflow how the endpoint is. That makes no command."""
        workflow.set_current_details(endpoint_details(self.state, workflow.now()))

    def _memo_of_what_changed(self) -> dict[str, object]:
        """Return the state; the history of its status and the audit trail only if they changed."""
        memo: dict[str, object] = {MemoKey.ENDPOINT: self.state.public()}
        changes = self.health.changes
        if self.state.deleted:
            # It is still running while it clears up, and its tenant's list shows it no more.
            memo[MemoKey.STATUS_CHANGES] = StatusChanges()
        elif changes.made != self._changes_shown:
            memo[MemoKey.STATUS_CHANGES] = changes
            self._changes_shown = changes.made
        if self.state.audit is not self._audit_shown:
            memo[MemoKey.AUDIT] = self._audit_shown = self.state.audit
        return memo

    def continue_as_new(self) -> None:
        """Go on in a new run, with a memo and search attributes that equal the state."""
        workflow.continue_as_new(
            self.state,
            memo={
                MemoKey.ENDPOINT: self.state.public(),
                MemoKey.STATUS_CHANGES: self.health.changes,
                MemoKey.AUDIT: self.state.audit,
            },
            search_attributes=endpoint_search_attributes(self.state, workflow.now()),
        )

    # Changes.

    async def apply(
        self, asked: AskedBy | None = None, action: AuditAction | None = None, **changes: object
    ) -> EndpointState:
        """Make a new version: publish it to deliveries first, then to the tenant's route table.

        In the other order a delivery could be started with a version that it cannot find. Health is
        not part of a version, but a new version makes workers read it again at once.

        Raises:
            ApplicationError: the tenant refused the change, or did not answer; nothing is changed.
        """
        before, now = self.state, workflow.now()
        self._noted.clear()
        self.state = before.model_copy(
            update={
                "version": before.version + 1,
                "created_at": before.created_at or now,
                "updated_at": now,
                **changes,
            }
        )
        self.health.announced = self.health.status
        if asked and action:
            self._audit(before, asked, action)
        self.publish()
        try:
            await self._register_route()
        except ActivityError as error:
            self._take_back(before)
            cause = error.cause
            if isinstance(cause, ApplicationError) and cause.non_retryable:
                self.in_route_table = not self.creation_failed
                raise ApplicationError(cause.message, type=cause.type) from error
            # The table may have the new version, or get it later: announce the old one again.
            self.health.announced = None
            raise _no_answer() from error
        return self.state.public()

    def _audit(self, before: EndpointState, asked: AskedBy, action: AuditAction) -> None:
        """Enter a change into the audit trail, unless it only repeats what is there.

        The state that is taken back has its old trail, so a change that is not made is not told.
        """
        changes = differences(before.audited_fields(), self.state.audited_fields())
        if action is AuditAction.CREATED and self.state.status is not EndpointStatus.ACTIVE:
            changes.append(AuditedField(field="status", new=self.state.status))
        if changes or action not in (AuditAction.CHANGED, AuditAction.SECRET_ROTATED):
            self.state.audit = self.state.audit.with_entry(
                workflow.now(), action, asked, changes=changes
            )

    def note(self, note: AuditNote) -> None:
        """Enter into the audit trail what was asked for beside this workflow's own updates."""
        now = workflow.now()
        if self.lock.locked():
            self._noted.append((now, note))
        self._enter(now, note)
        self.publish()

    def _enter(self, at: datetime, note: AuditNote) -> None:
        self.state.audit = self.state.audit.with_entry(at, note.action, note, subject=note.subject)

    def changed_config(self, change: EndpointChangeUpdate) -> EndpointConfig:
        """Return the configuration with the given fields set.

        Raises:
            ApplicationError: the change asks for another contract.
        """
        current = self.state.active_config
        changed = EndpointConfig.model_validate({**current.model_dump(), **change.fields})
        if changed.contract != current.contract:
            raise ApplicationError("an endpoint keeps its contract", type=ErrorType.CONFLICT)
        return changed

    async def delete(self, asked: AskedBy, *, with_tenant: bool) -> None:
        """Delete the endpoint, and its route unless the tenant is deleted with it.

        Raises:
            ApplicationError: the tenant did not answer; the endpoint is deleted all the same.
        """
        if not self.state.deleted:
            self.state.audit = self.state.audit.with_entry(
                workflow.now(), AuditAction.DELETED, asked
            )
        self.state.deleted = True
        self.publish()
        if with_tenant:
            self.deleted_with_tenant = True
        elif self.in_route_table:
            try:
                await self.unregister_route(within=TENANT_ANSWERS_WITHIN)
            except ActivityError as error:
                raise _no_answer() from error

    async def unregister_route(self, within: timedelta | None) -> None:
        """Have the route taken out of the tenant's table.

        Raises:
            ActivityError: the tenant did not answer within this time.
        """
        await workflow.execute_activity_method(
            EntityActivities.unregister_route,
            TenantRouteChange(
                tenant_id=self.state.tenant_id,
                change=RouteChange(endpoint_id=self.state.endpoint_id, route=None),
            ),
            start_to_close_timeout=TENANT_TIMEOUT,
            schedule_to_close_timeout=within,
            summary="take the route out of the tenant's table",
        )
        self.in_route_table = False

    async def _register_route(self) -> None:
        await workflow.execute_activity_method(
            EntityActivities.register_route,
            TenantRouteChange(
                tenant_id=self.state.tenant_id,
                change=RouteChange(endpoint_id=self.state.endpoint_id, route=self.state.route()),
            ),
            start_to_close_timeout=TENANT_TIMEOUT,
            schedule_to_close_timeout=TENANT_ANSWERS_WITHIN,
            summary=f"register version {self.state.version} ({self.state.status}) with the tenant",
        )

    def _take_back(self, before: EndpointState) -> None:
        """Undo a change that the tenant did not take; an undone creation deletes the endpoint.

        The version number stays, for workers may have seen it: the next change must not use it
        again.
        """
        self.creation_failed = before.version == 0
        self.state = before.model_copy(
            update={"version": self.state.version, "deleted": self.creation_failed}
        )
        for at, note in self._noted:
            self._enter(at, note)
        self.publish()

    # Refusals.

    def refuse_creation(self) -> None:
        """Raise if the endpoint was deleted, or if an earlier creation failed and is cleared up."""
        if self.creation_failed:
            raise ApplicationError("an earlier creation has failed; try again", type=ErrorType.LATE)
        self.refuse_when_deleted()

    def refuse_when_deleted(self) -> None:
        """Raise if the endpoint was deleted."""
        if self.state.deleted:
            raise ApplicationError("this endpoint was deleted", type=ErrorType.ENDPOINT_DELETED)

    def refuse_unless_created(self) -> None:
        """Raise if there is no endpoint to change."""
        self.refuse_when_deleted()
        if not self.state.version:
            raise ApplicationError(
                "this endpoint was never created", type=ErrorType.ENDPOINT_DELETED
            )

    def refuse_another_creation(self, request: EndpointCreateUpdate) -> None:
        """Raise unless this request is the one that created the endpoint."""
        if request.digest != self.state.created_by:
            raise ApplicationError(
                "this idempotency key was used for another endpoint", type=ErrorType.CONFLICT
            )


def _no_answer() -> ApplicationError:
    return ApplicationError("the tenant has not answered; try again", type=ErrorType.LATE)
