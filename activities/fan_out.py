"""Fan-out: one delivery for every endpoint that wants an event."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from hookwright.client import delivery_search_attributes
from hookwright.envelope import event_document
from hookwright.executions import described, routes_of
from hookwright.ids import (
    ATTEMPTS_MEMO,
    DELIVERY_WORKFLOW,
    delivery_workflow_id,
    tenant_workflow_id,
)
from hookwright.matching import matches
from hookwright.models import DeliveryInput, DeliveryLog, EventInput, FanOut, Route
from hookwright.outcomes import Trigger

CHUNK = 500
"""Deliveries started by one run of the activity: a killed worker repeats at most these starts."""

CONCURRENT_STARTS = 10

TASK_TIMEOUT = timedelta(seconds=6)
"""How soon the first attempt of a killed worker is made again. A longer attempt reports in time."""


@dataclass(frozen=True)
class FanOuts:
    """The activity of `Event`."""

    client: Client
    deliveries_queue: str

    @activity.defn
    async def fan_out(self, event: EventInput, accepted_at: datetime, done: FanOut) -> FanOut:
        """Start the next chunk of deliveries; safe to repeat, for a delivery's id is derived.

        Raises:
            ApplicationError: there is no such tenant; final.
        """
        happened_at = event.created_at or accepted_at
        document = event_document(event, happened_at)
        routes = [
            route
            for route in await self._routes(event.tenant_id)
            if route.endpoint_id not in done.endpoint_ids and matches(route, event, document)
        ]
        gate = asyncio.Semaphore(CONCURRENT_STARTS)

        async def start(route: Route) -> None:
            async with gate:
                await start_delivery(
                    self.client, self.deliveries_queue, route, event, happened_at, accepted_at
                )

        chunk = routes[:CHUNK]
        await asyncio.gather(*map(start, chunk))
        return FanOut(
            endpoint_ids=done.endpoint_ids + [route.endpoint_id for route in chunk],
            complete=len(routes) <= CHUNK,
        )

    async def _routes(self, tenant_id: str) -> list[Route]:
        description = await described(self.client, tenant_workflow_id(tenant_id))
        if description is None:
            raise ApplicationError(
                f"there is no tenant {tenant_id}; create it, then publish under a new event id",
                type="unknown_tenant",
                non_retryable=True,
            )
        return await routes_of(description)


async def start_delivery(  # noqa: PLR0913 - what a delivery is
    client: Client,
    task_queue: str,
    route: Route,
    event: EventInput,
    happened_at: datetime,
    accepted_at: datetime,
    recovery: str | None = None,
) -> None:
    """Start a delivery, of a recovery perhaps; nothing if the event has one to this endpoint."""
    delivery = DeliveryInput(
        event=event,
        happened_at=happened_at,
        accepted_at=accepted_at,
        endpoint_id=route.endpoint_id,
        endpoint_version=route.version,
    )
    try:
        await client.start_workflow(
            DELIVERY_WORKFLOW,
            delivery,
            id=delivery_workflow_id(event.tenant_id, delivery.endpoint_id, event.id),
            task_queue=task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=delivery_search_attributes(delivery, recovery),
            static_summary=event.type,
            task_timeout=TASK_TIMEOUT,
            request_eager_start=True,
            memo={ATTEMPTS_MEMO: DeliveryLog(trigger=Trigger.RECOVERY)} if recovery else None,
        )
    except WorkflowAlreadyStartedError:
        return
