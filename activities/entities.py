"""Calls between entities: from `Endpoint` to its `Tenant`, from `Tenant` to its endpoints."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError

from activities.heartbeats import heartbeats
from activities.route_changes import TenantRoutes
from activities.updates import update
from hookwright.ids import endpoint_workflow_id, recovery_workflow_id
from hookwright.models import DeliveryScope, EndpointDeleteUpdate, TenantEndpoints
from hookwright.routing import TenantRouteChange
from hookwright.temporal import (
    ENDPOINT_ID,
    TENANT_ID,
    ActivityName,
    Update,
    WorkflowType,
    attribute_is,
    executions_of,
    has_status,
    reached,
)

VISIBILITY_LAG_SECONDS = 2.0
"""Ten times the longest lag measured between a start and its row in visibility."""

AT_ONCE = 20
"""Endpoints deleted, or workflows cancelled, at a time by one activity."""

DELETE_TIMEOUT = timedelta(seconds=10)
"""For one endpoint to accept its deletion, which waits for nothing."""

ROWS = 100
"""In one page of visibility. Rows carry memos, and the memo of a resent delivery has its log."""


@dataclass(frozen=True)
class EntityActivities:
    """Activities that send updates from one entity to another, and clear up after a deleted one."""

    client: Client
    routes: TenantRoutes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "routes", TenantRoutes(self.client))

    @activity.defn(name=ActivityName.REGISTER_ROUTE)
    async def register_route(self, change: TenantRouteChange) -> None:
        """Enter an endpoint into its tenant's route table.

        Raises:
            ApplicationError: the tenant is gone, or its table is full; final.
        """
        await self.routes.change(change)

    @activity.defn(name=ActivityName.UNREGISTER_ROUTE)
    async def unregister_route(self, change: TenantRouteChange) -> None:
        """Remove an endpoint from its tenant's route table, unless both are gone."""
        try:
            await self.routes.change(change)
        except ApplicationError as error:
            activity.logger.info("route not removed: %s", error)

    @activity.defn(name=ActivityName.DELETE_ENDPOINTS)
    async def delete_endpoints(self, endpoints: TenantEndpoints) -> None:
        """Delete the endpoints of a tenant that is being deleted, and cancel their recoveries.

        Safe to repeat.

        Raises:
            RPCError: one has not answered; all others are deleted.
        """
        tenant_id = endpoints.tenant_id
        deletion = EndpointDeleteUpdate(
            with_tenant=True, by=endpoints.by, request_id=endpoints.request_id
        )

        async def delete(endpoint_id: str) -> None:
            workflow_id = endpoint_workflow_id(tenant_id, endpoint_id)
            try:
                await update(self.client, workflow_id, Update.DELETE, deletion, DELETE_TIMEOUT)
            except ApplicationError as error:
                activity.logger.info("endpoint %s not deleted again: %s", endpoint_id, error)
            await self._cancel(recovery_workflow_id(tenant_id, endpoint_id))

        async with heartbeats():
            await _each(endpoints.endpoint_ids, delete)

    @activity.defn(name=ActivityName.CANCEL_DELIVERIES)
    async def cancel_deliveries(self, scope: DeliveryScope) -> int:
        """Cancel what waits for a deleted endpoint, or for any endpoint of a tenant.

        Return how many deliveries visibility showed. It lags behind, so one search may not find all
        of them: see `workflows.clearing_up`. A delivery that is missed nevertheless finds its
        endpoint deleted at its next attempt. An endpoint's recovery is cancelled, too.
        """
        query = executions_of(
            WorkflowType.DELIVERY,
            has_status(WorkflowExecutionStatus.RUNNING),
            attribute_is(TENANT_ID, scope.tenant_id),
            attribute_is(ENDPOINT_ID, scope.endpoint_id),
        )
        async with heartbeats():
            if scope.endpoint_id:
                await self._cancel(recovery_workflow_id(scope.tenant_id, scope.endpoint_id))
            rows = self.client.list_workflows(query, page_size=ROWS)
            found = {row.id async for row in rows}
            await _each(found, self._cancel)
        return len(found)

    async def _cancel(self, workflow_id: str) -> None:
        await reached(self.client.get_workflow_handle(workflow_id).cancel())


async def _each(ids: Iterable[str], work: Callable[[str], Awaitable[None]]) -> None:
    """Do the work for each id, some at a time; one that fails does not stop the others.

    Raises:
        Exception: the first that was raised, once all others are done.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(it: str) -> None:
        async with gate:
            await work(it)

    outcomes = await asyncio.gather(*map(one, ids), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
