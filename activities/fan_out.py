"""Fan-out: it starts one delivery for every endpoint that wants an event."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from itertools import chain

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.heartbeats import heartbeats
from activities.shares import (
    COSTLY_FAN_OUTS,
    FAN_OUTS,
    NoRoomError,
    Shares,
    TenantTurns,
    waiting_error,
)
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

PART_SECONDS = 20.0
"""How long filters are asked alone until what is done is recorded, in the history of the event."""


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
    shares_of_costly: Shares = field(default_factory=lambda: Shares(COSTLY_FAN_OUTS), init=False)
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
        """Start the deliveries that are not started yet, or a part of them; return what is done.

        At first those that the common budget of all filters tells. What it does not reach is then
        asked alone, one filter after the other. So the deliveries of a tenant with costly filters
        start no faster than these are evaluated, and a filter that costs much only among others
        lets the event pass or does not. An endpoint whose filter costs too much gets a delivery as
        well, whose attempts show that error.

        Raises:
            ApplicationError: the tenant has many such events under way; benign, retried later.
        """
        event, done = request.event, request.done
        shares = self.shares_of_costly if done.undecided else self.shares
        try:
            share = shares.take(event.tenant_id, event.tenant_id)
        except NoRoomError as error:
            raise waiting_error(error) from None
        with share, _span(event) as fanning_out:
            async with heartbeats():
                done = await self._start_next(request, done)
                while not (done.complete or request.in_parts):
                    done = await self._start_next(request, done)
                fanning_out.note({"hookwright.deliveries": len(done.endpoint_ids)})
        return done

    async def _start_next(self, request: FanOutInput, done: FanOut) -> FanOut:
        routes = await self._routes(request.event)
        if done.undecided is not None:
            return await self._start_undecided(request, done, routes)
        event, done_ids = request.event, {*done.endpoint_ids}
        rest = [route for route in routes if route.endpoint_id not in done_ids]
        filters = filter_expressions(rest)
        verdicts = await self.evaluator.verdicts(event.tenant_id, filters, _document(request))
        only_one = len(filters) == 1  # it was asked alone
        left = [it for it in rest if filter_verdict(it, verdicts) is None and not only_one]
        left_ids = {route.endpoint_id for route in left}
        told = [route for route in rest if route.endpoint_id not in left_ids]
        return _after(done, await self._start_all(request, told, verdicts), left)

    async def _start_undecided(
        self, request: FanOutInput, done: FanOut, routes: Iterable[Route]
    ) -> FanOut:
        """Ask filters alone for a while, those that are known to cost too much after the others."""
        undecided, groups = {*(done.undecided or [])}, dict[str, list[Route]]()
        left = [route for route in routes if route.endpoint_id in undecided]
        for route in left:
            if route.filter is not None:
                groups.setdefault(route.filter, []).append(route)
        started = await self._start_all(request, [it for it in left if it.filter is None], {})
        clock, document = asyncio.get_running_loop().time, _document(request)
        until = clock() + PART_SECONDS
        for expression in sorted(groups, key=self.evaluator.is_costly):
            verdict = await self.evaluator.verdict_alone(
                request.event.tenant_id, expression, document
            )
            some = groups.pop(expression)
            started += await self._start_all(request, some, {expression: verdict})
            if clock() >= until:
                break
        return _after(done, started, chain.from_iterable(groups.values()))

    async def _start_all(
        self, request: FanOutInput, routes: Sequence[Route], verdicts: Verdicts
    ) -> list[str]:
        started = []
        for first in range(0, len(routes), WAITING_STARTS):
            some = routes[first : first + WAITING_STARTS]
            deliveries = deliveries_of(some, verdicts, request.event, request.accepted_at)
            started += await self._start(deliveries)
        return started

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


def _document(request: FanOutInput) -> object:
    return event_document(request.event, request.event.created_at or request.accepted_at)


def _after(done: FanOut, started: Sequence[str], left: Iterable[Route]) -> FanOut:
    undecided = [route.endpoint_id for route in left]
    endpoint_ids = [*done.endpoint_ids, *started]
    return FanOut(endpoint_ids=endpoint_ids, complete=not undecided, undecided=undecided or None)


def _span(event: EventInput) -> AbstractContextManager[Span]:
    ids = {"hookwright.tenant_id": event.tenant_id, "hookwright.event_id": event.id}
    return span("fan out", SpanKind.INTERNAL, ids)
