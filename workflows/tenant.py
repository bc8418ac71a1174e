"""`Tenant`: a customer's settings and the route table of their endpoints."""

from datetime import timedelta

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.entities import Entities
    from activities.erasure import Erasures
    from hookwright.ids import ROUTES_MEMO, TENANT_MEMO
    from hookwright.models import Route, TenantSettings, TenantState, TenantView

from workflows.deadline import Deadline

MAX_ROUTE_TABLE_BYTES = 1_000_000
"""Half of what Temporal takes as a memo (2 MiB): some 8,000 endpoints with short subscriptions."""

CLEAN_UP_TIMEOUT = timedelta(hours=6)
CLEAN_UP_HEARTBEAT = timedelta(seconds=30)


class SettingsPut(Deadline):
    """The argument of `put`. A revocation that it does not speak of may be kept."""

    settings: TenantSettings
    keeps_tokens_not_before: bool = False


class TenantDelete(BaseModel):
    """The argument of `delete`: whether its events and deliveries go with it."""

    erase: bool = False


class TenantPut(BaseModel):
    """The answer to `put`."""

    tenant: TenantView
    created: bool


@workflow.defn
class Tenant:
    """Lives until deleted. State is carried in the argument; the memo is the copy others read."""

    @workflow.init
    def __init__(self, state: TenantState) -> None:
        self.state = state

    @workflow.run
    async def run(self, state: TenantState) -> None:  # noqa: ARG002 - taken by __init__
        """Serve updates until deleted, and continue as new when the history has grown long."""
        await workflow.wait_condition(
            lambda: self.state.deleted or workflow.info().is_continue_as_new_suggested()
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self.state.deleted:
            workflow.continue_as_new(
                self.state, memo={TENANT_MEMO: self.view(), ROUTES_MEMO: self.routes()}
            )
        await self.delete_endpoints()
        if self.state.erase:
            await self.erase()

    @workflow.update
    async def put(self, request: SettingsPut) -> TenantPut:
        """Create the tenant or change its settings."""
        created = self.state.version == 0
        now = workflow.now()
        if request.keeps_tokens_not_before:
            request.settings.tokens_not_before = self.state.settings.tokens_not_before
        self.state.settings = request.settings
        self.state.version += 1
        self.state.created_at = self.state.created_at or now
        self.state.updated_at = now
        workflow.upsert_memo({TENANT_MEMO: self.view()})
        return TenantPut(tenant=self.view(), created=created)

    @workflow.update
    async def register(self, route: Route) -> None:
        """Enter or change an endpoint's route. An older version than the known one is ignored."""
        known = self.state.routes.get(route.endpoint_id)
        if known is None or known.version < route.version:
            self.state.routes[route.endpoint_id] = route
            workflow.upsert_memo({ROUTES_MEMO: self.routes()})

    @workflow.update
    async def unregister(self, endpoint_id: str) -> None:
        """Remove an endpoint's route."""
        if self.state.routes.pop(endpoint_id, None):
            workflow.upsert_memo({ROUTES_MEMO: self.routes()})

    @workflow.update
    async def delete(self, request: TenantDelete | None = None) -> None:
        """Delete the tenant: nothing is matched from here on, and its endpoints follow."""
        self.state.deleted = True
        self.state.erase = request is not None and request.erase
        workflow.upsert_memo({TENANT_MEMO: None, ROUTES_MEMO: []})

    @put.validator
    def refuse_put(self, request: SettingsPut) -> None:
        """A tenant that is being deleted takes no change; a moment later it can be made anew."""
        request.refuse_when_late(workflow.now())
        if self.state.deleted:
            raise ApplicationError(
                "this tenant is being deleted; try again in a moment", type="conflict"
            )

    @unregister.validator
    def refuse_unregister(self, endpoint_id: str) -> None:  # noqa: ARG002
        """A deleted tenant's table is empty already, and must not be shown again."""
        self.refuse_when_deleted()

    @register.validator
    def refuse_register(self, route: Route) -> None:
        """Neither does it take endpoints; and a route table has a size that Temporal can keep."""
        self.refuse_when_deleted()
        others = [known for known in self.routes() if known.endpoint_id != route.endpoint_id]
        size = sum(len(known.model_dump_json().encode()) for known in [*others, route])
        if size > MAX_ROUTE_TABLE_BYTES:
            raise ApplicationError(
                "this tenant's subscriptions fill its route table; delete endpoints first",
                type="too_many_endpoints",
            )

    async def delete_endpoints(self) -> None:
        """Delete all endpoints of a deleted tenant."""
        await workflow.execute_activity_method(
            Entities.delete_endpoints,
            args=[self.state.tenant_id, list(self.state.routes)],
            start_to_close_timeout=CLEAN_UP_TIMEOUT,
            heartbeat_timeout=CLEAN_UP_HEARTBEAT,
        )

    async def erase(self) -> None:
        """Delete all executions of a deleted tenant, with what was sent."""
        await workflow.execute_activity_method(
            Erasures.erase_tenant,
            self.state.tenant_id,
            start_to_close_timeout=CLEAN_UP_TIMEOUT,
            heartbeat_timeout=CLEAN_UP_HEARTBEAT,
        )

    def refuse_when_deleted(self) -> None:
        """Raise if the tenant is being deleted."""
        if self.state.deleted:
            raise ApplicationError("this tenant is being deleted", type="tenant_deleted")

    def view(self) -> TenantView:
        """Return what the memo shows."""
        return TenantView(
            id=self.state.tenant_id,
            **self.state.settings.model_dump(),
            created_at=self.state.created_at or workflow.now(),
            updated_at=self.state.updated_at or workflow.now(),
        )

    def routes(self) -> list[Route]:
        """Return the route table."""
        return list(self.state.routes.values())
