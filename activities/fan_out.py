"""Fan-out: one delivery for every endpoint that wants an event."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from activities.heartbeats import heartbeats
from activities.shares import FAN_OUTS, NoRoomError, Shares, waits
from hookwright.expressions import Evaluator, Verdicts, small_verdicts
from hookwright.ids import delivery_workflow_id, tenant_workflow_id
from hookwright.models import DeliveryInput, DeliveryLog, EventInput, FanOut, FanOutInput, Route
from hookwright.outcomes import Trigger
from hookwright.routing import filters, fits, verdict
from hookwright.temporal import (
    ActivityName,
    ErrorType,
    MemoKey,
    WorkflowType,
    delivery_search_attributes,
    described,
    routes_of,
)
from hookwright.webhook import event_document

MAX_LOCAL_STARTS = 100
"""Deliveries that are started at once, within a workflow task of the event."""

CONCURRENT_STARTS = 10

TASK_TIMEOUT = timedelta(seconds=6)
"""How soon the first attempt of a killed worker is made again. A longer attempt reports in time."""


@dataclass(frozen=True)
class FanOutActivities:
    """The activities of `Event`. They are safe to repeat, for a delivery's id is derived.

    Raises:
        ApplicationError: there is no such tenant; final.
    """

    client: Client
    deliveries_queue: str
    evaluator: Evaluator
    shares: Shares = field(default_factory=lambda: Shares(FAN_OUTS), init=False)
    wide_starts: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(CONCURRENT_STARTS), init=False
    )

    @activity.defn(name=ActivityName.FAN_OUT)
    async def fan_out(self, given: FanOutInput) -> FanOut:
        """Start the first deliveries, of those endpoints whose filters cost little.

        Runs as a local activity, so what takes long, be it many starts or costly filters, is left
        to `fan_out_rest`, which holds no workflow task.
        """
        event, accepted_at = given.event, given.accepted_at
        routes = await self._routes(event)
        found = small_verdicts(filters(routes), _document(event, accepted_at))
        decided = [each for each in routes if each.filter is None or each.filter in found]
        wanted = _deliveries(decided, found, event, accepted_at)
        await self._start(wanted[:MAX_LOCAL_STARTS], asyncio.Semaphore(CONCURRENT_STARTS))
        return FanOut(
            endpoint_ids=[each.endpoint_id for each in wanted[:MAX_LOCAL_STARTS]],
            complete=len(decided) == len(routes) and len(wanted) <= MAX_LOCAL_STARTS,
        )

    @activity.defn(name=ActivityName.FAN_OUT_REST)
    async def fan_out_rest(self, given: FanOutInput) -> FanOut:
        """Start all deliveries that are not done.

        An endpoint whose filter costs too much gets a delivery, too: its attempts say so.

        Raises:
            ApplicationError: the tenant has many such events under way; benign, tried again later.
        """
        event, accepted_at, done = given.event, given.accepted_at, given.done
        try:
            share = self.shares.take(event.tenant_id, event.tenant_id)
        except NoRoomError as error:
            raise waits(error) from None
        with share:
            async with heartbeats():
                routes = await self._routes(event)
                found = await self.evaluator.verdicts(
                    event.tenant_id, filters(routes), _document(event, accepted_at)
                )
                known = {*done.endpoint_ids}
                rest = [each for each in routes if each.endpoint_id not in known]
                deliveries = _deliveries(rest, found, event, accepted_at)
                await self._start(deliveries, self.wide_starts)
        ids = [*done.endpoint_ids, *(each.endpoint_id for each in deliveries)]
        return FanOut(endpoint_ids=ids, complete=True)

    async def _start(self, deliveries: Iterable[DeliveryInput], gate: asyncio.Semaphore) -> None:
        async def start(delivery: DeliveryInput) -> None:
            async with gate:
                await start_delivery(self.client, self.deliveries_queue, delivery)

        await asyncio.gather(*map(start, deliveries))

    async def _routes(self, event: EventInput) -> list[Route]:
        """Return the routes that the event is for, whatever their filters say."""
        description = await described(self.client, tenant_workflow_id(event.tenant_id))
        if description is None:
            raise ApplicationError(
                f"there is no tenant {event.tenant_id}; create it, and publish under a new id",
                type=ErrorType.UNKNOWN_TENANT,
                non_retryable=True,
            )
        return [route for route in await routes_of(description) if fits(route, event)]


def _document(event: EventInput, accepted_at: datetime) -> dict[str, object]:
    return event_document(event, event.created_at or accepted_at)


def _deliveries(
    routes: list[Route], found: Verdicts, event: EventInput, accepted_at: datetime
) -> list[DeliveryInput]:
    """Return the deliveries to those whose filter lets the event through, or costs too much."""
    verdicts = {route.endpoint_id: verdict(route, found) for route in routes}
    return [
        DeliveryInput(
            event=event,
            happened_at=event.created_at or accepted_at,
            accepted_at=accepted_at,
            endpoint_id=route.endpoint_id,
            endpoint_version=route.version,
            unfiltered=verdicts[route.endpoint_id] is None,
        )
        for route in routes
        if verdicts[route.endpoint_id] is not False
    ]


async def start_delivery(
    client: Client, task_queue: str, delivery: DeliveryInput, recovery: str | None = None
) -> None:
    """Start a delivery, of a recovery perhaps; nothing if the event has one to this endpoint."""
    event = delivery.event
    try:
        await client.start_workflow(
            WorkflowType.DELIVERY,
            delivery,
            id=delivery_workflow_id(event.tenant_id, delivery.endpoint_id, event.id),
            task_queue=task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=delivery_search_attributes(delivery, recovery),
            static_summary=event.type,
            task_timeout=TASK_TIMEOUT,
            request_eager_start=True,
            memo={MemoKey.ATTEMPTS: DeliveryLog(trigger=Trigger.RECOVERY)} if recovery else None,
        )
    except WorkflowAlreadyStartedError:
        return
