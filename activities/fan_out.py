"""Fan-out: it starts one delivery for every endpoint that wants an event."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from activities.heartbeats import heartbeats
from activities.shares import FAN_OUTS, NoRoomError, Shares, waiting_error
from hookwright.expressions import Evaluator, Verdicts, small_verdicts
from hookwright.ids import delivery_workflow_id, tenant_workflow_id
from hookwright.models import DeliveryInput, DeliveryLog, EventInput, FanOut, FanOutInput, Route
from hookwright.outcomes import Trigger
from hookwright.routing import filter_expressions, filter_verdict, is_addressed
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
"""The most deliveries that are started within a workflow task of the event."""

CONCURRENT_STARTS = 10

TASK_TIMEOUT = timedelta(seconds=6)
"""After this time the first attempt of a killed worker is made again. If an attempt takes longer,
its worker reports to Temporal in time that the task goes on."""


@dataclass(frozen=True)
class FanOutActivities:
    """The activities of `Event`. They are safe to repeat, because a delivery's id is derived.

    Raises:
        ApplicationError: the tenant does not exist. It is not retried.
    """

    client: Client
    deliveries_queue: str
    evaluator: Evaluator
    shares: Shares = field(default_factory=lambda: Shares(FAN_OUTS), init=False)
    wide_starts: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(CONCURRENT_STARTS), init=False
    )

    @activity.defn(name=ActivityName.FAN_OUT)
    async def fan_out(self, request: FanOutInput) -> FanOut:
        """Start the first deliveries, to endpoints whose filters cost little.

        This runs as a local activity. So work that takes long, which is many starts or costly
        filters, is left to `fan_out_rest`, which holds no workflow task.
        """
        event, accepted_at = request.event, request.accepted_at
        routes = await self._routes(event)
        verdicts = small_verdicts(filter_expressions(routes), _document(event, accepted_at))
        decided = [each for each in routes if each.filter is None or each.filter in verdicts]
        deliveries = _deliveries(decided, verdicts, event, accepted_at)
        await self._start(deliveries[:MAX_LOCAL_STARTS], asyncio.Semaphore(CONCURRENT_STARTS))
        return FanOut(
            endpoint_ids=[each.endpoint_id for each in deliveries[:MAX_LOCAL_STARTS]],
            complete=len(decided) == len(routes) and len(deliveries) <= MAX_LOCAL_STARTS,
        )

    @activity.defn(name=ActivityName.FAN_OUT_REST)
    async def fan_out_rest(self, request: FanOutInput) -> FanOut:
        """Start all deliveries that are not started yet.

        An endpoint whose filter costs too much gets a delivery as well, whose attempts show that
        error.

        Raises:
            ApplicationError: the tenant has many such events under way; benign, retried later.
        """
        event, accepted_at, done = request.event, request.accepted_at, request.done
        try:
            share = self.shares.take(event.tenant_id, event.tenant_id)
        except NoRoomError as error:
            raise waiting_error(error) from None
        with share:
            async with heartbeats():
                routes = await self._routes(event)
                verdicts = await self.evaluator.verdicts(
                    event.tenant_id, filter_expressions(routes), _document(event, accepted_at)
                )
                done_ids = {*done.endpoint_ids}
                rest = [each for each in routes if each.endpoint_id not in done_ids]
                deliveries = _deliveries(rest, verdicts, event, accepted_at)
                await self._start(deliveries, self.wide_starts)
        ids = [*done.endpoint_ids, *(each.endpoint_id for each in deliveries)]
        return FanOut(endpoint_ids=ids, complete=True)

    async def _start(
        self, deliveries: Iterable[DeliveryInput], semaphore: asyncio.Semaphore
    ) -> None:
        async def start(delivery: DeliveryInput) -> None:
            async with semaphore:
                await start_delivery(self.client, self.deliveries_queue, delivery)

        await asyncio.gather(*map(start, deliveries))

    async def _routes(self, event: EventInput) -> list[Route]:
        """Return the routes that the event is addressed to; filters are not considered here."""
        description = await described(self.client, tenant_workflow_id(event.tenant_id))
        if description is None:
            raise ApplicationError(
                f"there is no tenant {event.tenant_id}; create it, and publish under a new id",
                type=ErrorType.UNKNOWN_TENANT,
                non_retryable=True,
            )
        return [route for route in await routes_of(description) if is_addressed(route, event)]


def _document(event: EventInput, accepted_at: datetime) -> dict[str, object]:
    return event_document(event, event.created_at or accepted_at)


def _deliveries(
    routes: list[Route], verdicts: Verdicts, event: EventInput, accepted_at: datetime
) -> list[DeliveryInput]:
    """Return the deliveries to endpoints whose filter passes the event or costs too much."""
    passes = {route.endpoint_id: filter_verdict(route, verdicts) for route in routes}
    return [
        DeliveryInput(
            event=event,
            happened_at=event.created_at or accepted_at,
            accepted_at=accepted_at,
            endpoint_id=route.endpoint_id,
            endpoint_version=route.version,
            unfiltered=passes[route.endpoint_id] is None,
        )
        for route in routes
        if passes[route.endpoint_id] is not False
    ]


async def start_delivery(
    client: Client, task_queue: str, delivery: DeliveryInput, recovery: str | None = None
) -> None:
    """Start a delivery, unless the event has one to this endpoint already.

    `recovery` is the id of the recovery that starts it, or None.
    """
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
