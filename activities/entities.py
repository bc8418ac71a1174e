"""What entities ask of each other: `Endpoint` of its `Tenant`, `Tenant` of its endpoints."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from temporalio import activity
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from hookwright.client import ENDPOINT_ID, TENANT_ID
from hookwright.executions import reached
from hookwright.ids import (
    DELIVERY_WORKFLOW,
    endpoint_workflow_id,
    recovery_workflow_id,
    tenant_workflow_id,
)
from hookwright.models import Route

VISIBILITY_LAG_SECONDS = 2.0
"""Ten times the longest lag measured between a start and its row in visibility."""

CONCURRENT_CANCELS = 20
CONCURRENT_UPDATES = 5
"""Of one worker. Temporal lets ten be in flight at one workflow; the backoff of what it refuses is
longer than a caller waits."""


@dataclass(frozen=True)
class Entities:
    """Activities that carry one entity's word to another, and clear up after a deleted one."""

    client: Client
    updates: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(CONCURRENT_UPDATES), init=False
    )

    @activity.defn
    async def register_route(self, tenant_id: str, route: Route) -> None:
        """Enter an endpoint into its tenant's route table.

        Raises:
            ApplicationError: the tenant is gone, or its table is full; final.
        """
        await self._update(tenant_workflow_id(tenant_id), "register", route)

    @activity.defn
    async def unregister_route(self, tenant_id: str, endpoint_id: str) -> None:
        """Take an endpoint out of its tenant's route table; nothing to do if both are gone."""
        try:
            await self._update(tenant_workflow_id(tenant_id), "unregister", endpoint_id)
        except ApplicationError as error:
            activity.logger.info("route of %s not removed: %s", endpoint_id, error)

    @activity.defn
    async def delete_endpoints(self, tenant_id: str, endpoint_ids: list[str]) -> None:
        """Delete the endpoints of a tenant that is being deleted."""
        for endpoint_id in endpoint_ids:
            activity.heartbeat()
            try:
                await self._update(endpoint_workflow_id(tenant_id, endpoint_id), "delete")
            except ApplicationError as error:
                activity.logger.info("endpoint %s not deleted again: %s", endpoint_id, error)

    @activity.defn
    async def cancel_deliveries(self, tenant_id: str, endpoint_id: str) -> int:
        """Cancel what still waits for a deleted endpoint, and its recovery; return how many.

        Visibility lags behind, so this sweeps until a pause long enough brings nothing new. A
        delivery missed all the same finds its endpoint gone at its next attempt.
        """
        query = (
            f"WorkflowType = '{DELIVERY_WORKFLOW}' AND ExecutionStatus = 'Running'"
            f" AND {TENANT_ID.name} = '{tenant_id}' AND {ENDPOINT_ID.name} = '{endpoint_id}'"
        )
        await self._cancel_all({recovery_workflow_id(tenant_id, endpoint_id)})
        cancelled: set[str] = set()
        while True:
            await asyncio.sleep(VISIBILITY_LAG_SECONDS)
            found = {row async for row in self._ids(query)} - cancelled
            if not found:
                return len(cancelled)
            await self._cancel_all(found)
            cancelled |= found

    async def _ids(self, query: str) -> AsyncIterator[str]:
        async for execution in self.client.list_workflows(query):
            activity.heartbeat()
            yield execution.id

    async def _cancel_all(self, workflow_ids: set[str]) -> None:
        gate = asyncio.Semaphore(CONCURRENT_CANCELS)

        async def cancel(workflow_id: str) -> None:
            async with gate:
                activity.heartbeat()
                await reached(self.client.get_workflow_handle(workflow_id).cancel())

        await asyncio.gather(*map(cancel, workflow_ids))

    async def _update(self, workflow_id: str, update: str, *arguments: object) -> None:
        handle = self.client.get_workflow_handle(workflow_id)
        try:
            async with self.updates:
                await handle.execute_update(update, args=arguments)
        except WorkflowUpdateFailedError as error:
            if isinstance(error.cause, ApplicationError):
                raise ApplicationError(
                    error.cause.message, type=error.cause.type, non_retryable=True
                ) from None
            raise
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            raise ApplicationError(
                f"{workflow_id} does not exist", type="not_found", non_retryable=True
            ) from None
