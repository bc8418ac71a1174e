"""Fan-out: it starts one delivery for every endpoint that wants an event."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.heartbeats import heartbeats
from activities.shares import FAN_OUTS, NoRoomError, Shares, TenantTurns, waiting_error
from hookwright.expressions import Evaluator, Verdicts
from hookwright.ids import tenant_workflow_id
from hookwright.models import DeliveryInput, EventInput, FanOut, FanOutInput, Route
from hookwright.routing import (
    Matches,
    deliveries_of,
    filter_expressions,
    filter_verdict,
    is_addressed,
)
from hookwright.temporal import ActivityName, ErrorType, LatestRuns, routes_of, start_delivery
from hookwright.tracing import Span, SpanKind, span
from hookwright.webhook import event_document

MAX_LOCAL_STARTS = 20
"""The most deliveries that are started within a workflow task of the event."""

FIRST_STARTS_SECONDS = 0.25
"""How long they may wait for their turns, because the event holds one of few slots meanwhile
(`runtime.worker.sdk_workers.EVENT_TASK_SLOTS`)."""

WAITING_STARTS = 100
"""How many starts of an event are made up at once, and wait for their turns. Those of 5,000 took
half a second, in which nobody was served."""


@dataclass(frozen=True)
class FanOutActivities:
    """The activities of `Event`. They are safe to repeat, because a delivery's id is derived.

    Raises:
        ApplicationError: the tenant does not exist. It is not retried.
    """

    client: Client
    deliveries_queue: str
    evaluator: Evaluator
    turns: TenantTurns
    shares: Shares = field(default_factory=lambda: Shares(FAN_OUTS), init=False)
    runs: LatestRuns = field(default_factory=LatestRuns, init=False)

    @activity.defn(name=ActivityName.FAN_OUT)
    async def fan_out(self, request: FanOutInput) -> FanOut:
        """Start the first deliveries, to endpoints whose filters cost little.

        This runs as a local activity. So work that takes long, which is many starts, costly filters
        and waiting for turns, is left to `fan_out_rest`, which holds no workflow task.
        """
        event, accepted_at = request.event, request.accepted_at
        self.turns.traffic.saw(event.tenant_id)
        with _span(event) as fanning_out:
            routes = await self._routes(event)
            matches = Matches(event, accepted_at, routes)
            deliveries, are_all = matches.cheap_deliveries(MAX_LOCAL_STARTS)
            started = await self._start(deliveries, FIRST_STARTS_SECONDS)
            fanning_out.note({"hookwright.deliveries": len(started)})
        return FanOut(endpoint_ids=started, complete=are_all and len(started) == len(deliveries))

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
        with share, _span(event) as fanning_out:
            async with heartbeats():
                done_ids = {*done.endpoint_ids}
                rest = [it for it in await self._routes(event) if it.endpoint_id not in done_ids]
                started = []
                async for routes, verdicts in self._told(rest, event, accepted_at):
                    for first in range(0, len(routes), WAITING_STARTS):
                        some = routes[first : first + WAITING_STARTS]
                        some_deliveries = deliveries_of(some, verdicts, event, accepted_at)
                        started += await self._start(some_deliveries)
                fanning_out.note({"hookwright.deliveries": len(started)})
        return FanOut(endpoint_ids=[*done.endpoint_ids, *started], complete=True)

    async def _told(
        self, routes: Sequence[Route], event: EventInput, accepted_at: datetime
    ) -> AsyncIterator[tuple[Sequence[Route], Verdicts]]:
        """Yield routes with the verdicts of their filters, those that cost little first.

        What the common budget of all filters did not reach is asked alone, one filter after the
        other. So the deliveries of a tenant with costly filters start no faster than these are
        evaluated, and a filter that is costly only among others lets the event pass or does not.
        """
        document = event_document(event, event.created_at or accepted_at)
        expressions = filter_expressions(routes)
        verdicts = await self.evaluator.verdicts(event.tenant_id, expressions, document)
        yield [it for it in routes if filter_verdict(it, verdicts) is not None], verdicts
        for expression in expressions:
            if verdicts[expression] is None:
                alone = await self.evaluator.verdicts(event.tenant_id, [expression], document)
                yield [it for it in routes if it.filter == expression], alone

    async def _start(
        self, deliveries: Iterable[DeliveryInput], seconds: float | None = None
    ) -> list[str]:
        """Start deliveries, each in a turn of its tenant, and return the ids of their endpoints.

        What has no turn within these seconds is not started.
        """
        clock = asyncio.get_running_loop()
        until = None if seconds is None else clock.time() + seconds
        started = []

        async def start(delivery: DeliveryInput) -> None:
            async with AsyncExitStack() as turn:
                try:
                    async with asyncio.timeout_at(until):
                        await turn.enter_async_context(self.turns.turn(delivery.event.tenant_id))
                except TimeoutError:
                    return
                await start_delivery(self.client, self.deliveries_queue, delivery)
                started.append(delivery.endpoint_id)

        await asyncio.gather(*map(start, deliveries))
        return started

    async def _routes(self, event: EventInput) -> list[Route]:
        """Return the routes that the event is addressed to; filters are not considered here."""
        tenant = tenant_workflow_id(event.tenant_id)
        description = await self.runs.described(self.client, tenant)
        if description is None:
            raise ApplicationError(
                f"there is no tenant {event.tenant_id}; create it, and publish under a new id",
                type=ErrorType.UNKNOWN_TENANT,
                non_retryable=True,
            )
        return [route for route in await routes_of(description) if is_addressed(route, event)]


def _span(event: EventInput) -> AbstractContextManager[Span]:
    ids = {"hookwright.tenant_id": event.tenant_id, "hookwright.event_id": event.id}
    return span("fan out", SpanKind.INTERNAL, ids)
