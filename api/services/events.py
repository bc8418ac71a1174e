"""The service of events: publish, list, read, cancel."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

import structlog
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.http import Page, Problem, conflict, invalid, not_found, unavailable
from api.services.deliveries import DeliveryService
from api.services.event_types import EventTypeService
from api.services.event_views import (
    EventFanOut,
    EventFilter,
    EventWithDeliveries,
    FanOutState,
    Published,
    content_of,
    fan_out_state,
    warnings_of,
)
from api.services.lists import ExecutionLists
from api.services.temporal import cancelled, describe, may_lack_places
from api.services.tenants import TenantAtPublish, TenantService
from hookwright import metrics
from hookwright.contracts import Contract, Contracts, UnknownContractError
from hookwright.ids import deliveries_queue, entities_queue, event_workflow_id
from hookwright.models import EventInput, FanOut, Route
from hookwright.queueing import QueuePlace, ordering_digest
from hookwright.routing import Matches
from hookwright.sizes import MAX_EVENT_BYTES
from hookwright.temporal import (
    RPC_TIMEOUT,
    UNREADABLE,
    AcceptedEvent,
    Row,
    accepted_event,
    is_sole_delivery,
    publish,
    publish_sole_delivery,
    take_places,
)
from hookwright.times import delay_until
from hookwright.turns import NoTurnError, TurnsOfEachTenant

CANCEL_SECONDS = 2.5
"""How long a caller waits for a worker to take up a cancellation."""

CANNOT_READ = """\
what is stored under this id is no event, or its key is not in HOOKWRIGHT_ENCRYPTION_KEYS"""
NO_TURN = "this tenant has too many publishes at once while others publish too; repeat it later"

Spend = Callable[[int], Awaitable[None]]
"""Takes so many deliveries from somebody's budget."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class EventService:
    """Publishes and reads events."""

    client: Client
    task_queue: str
    contracts: Contracts
    tenants: TenantService
    deliveries: DeliveryService
    event_types: EventTypeService
    lists: ExecutionLists
    turns: TurnsOfEachTenant = field(default_factory=TurnsOfEachTenant, init=False)

    async def publish(
        self, event: EventInput, tenant: TenantAtPublish | None, spend: Spend | None, until: float
    ) -> Published:
        """Accept an event. It is stored when this returns, because its workflow has been started.

        A repeat gets the first answer, even if it would be refused today, because its endpoint is
        gone or the catalogue has become stricter. `tenant` is what the caller has just read of it.
        `spend` is told how many deliveries a new event has. The answer is due `until` (loop time).

        Raises:
            Problem: 404 no such tenant; 409 the id stands for another event; 422 it does not fit
                the tenant's contract; 503 its tenant's turn did not come in time.
        """
        ids = {"tenant_id": event.tenant_id, "event_id": event.id, "event_type": event.type}
        try:
            async with self.turns.turn(event.tenant_id, until):
                published = await self._publish(event, tenant, spend)
        except NoTurnError as error:
            metrics.refused(metrics.ApiLimit.TURNS)
            log.debug("event.refused", **ids, problem="no turn")
            raise unavailable(NO_TURN, error.seconds) from None
        except Problem as problem:
            # Without the texts of the faults: some of them repeat a value of the event.
            faults = [".".join(map(str, fault.loc)) for fault in problem.errors]
            log.debug("event.refused", **ids, problem=problem.slug, faults=faults or None)
            raise
        log.debug("event.accepted", **ids, duplicate=published.duplicate)
        return published

    async def _publish(
        self, event: EventInput, known: TenantAtPublish | None, spend: Spend | None
    ) -> Published:
        tenant = known or await self.tenants.at_publish(event.tenant_id)
        try:
            found = await self.check(event, tenant)
        except Problem:
            if not await describe(self.client, event_workflow_id(event.tenant_id, event.id)):
                raise
            return await self._repeated(event)
        routes, now = tenant.routes, datetime.now(UTC)
        matches = None if routes is None else Matches.of(routes, event, now)
        try:
            sole = await self._start(event, matches)
        except WorkflowAlreadyStartedError:
            return await self._repeated(event, matches)
        metrics.event_accepted()
        if spend:
            await spend(tenant.deliveries_at_most(event, matches))
        await self._take_places(event, matches, sole=sole)
        return Published(event, duplicate=False, warnings=warnings_of(event) + found)

    async def check(self, event: EventInput, tenant: TenantAtPublish) -> list[str]:
        """Refuse what no endpoint of the tenant could be sent; return the catalogue's warnings.

        Raises:
            Problem: 422 it does not fit the tenant's contract or its type's schema, is for an
                endpoint that the tenant does not have, or is too far ahead.
        """
        try:
            delay_until(event.deliver_at, datetime.now(UTC))
        except ValueError as error:
            raise invalid(("body", "deliver_at"), str(error)) from None
        contract = self._checked_contract(event, tenant.settings.contract)
        if event.endpoint_id:
            routes = tenant.routes
            if routes is None:
                routes = await self.tenants.routes(event.tenant_id)
            if event.endpoint_id not in (route.endpoint_id for route in routes):
                raise invalid(("body", "endpoint_id"), "this tenant has no such endpoint")
        return await self.event_types.check(event, tenant.settings.event_type_checks, contract)

    async def get(self, tenant_id: str, event_id: str) -> EventWithDeliveries:
        """Return an event with its deliveries.

        Raises:
            Problem: 404.
        """
        workflow_id = event_workflow_id(tenant_id, event_id)
        description = await describe(self.client, workflow_id)
        if description is None:
            raise not_found("event")
        event = (await self._accepted(workflow_id)).event
        state = fan_out_state(description, event)
        if is_sole_delivery(description):
            found = await self.deliveries.read(description)
            return EventWithDeliveries(event, state, [found] if found else [])
        if state is not FanOutState.COMPLETE:
            return EventWithDeliveries(event, state, [])
        handle = self.client.get_workflow_handle(workflow_id, result_type=FanOut)
        fan_out: FanOut = await handle.result(rpc_timeout=RPC_TIMEOUT)
        deliveries = await self.deliveries.of_event(tenant_id, event_id, fan_out.endpoint_ids)
        return EventWithDeliveries(event, state, deliveries)

    async def fan_out(self, tenant_id: str, event_id: str) -> EventFanOut:
        """Return an event without its deliveries.

        Raises:
            Problem: 404; 409 what is stored cannot be read.
        """
        workflow_id = event_workflow_id(tenant_id, event_id)
        description = await describe(self.client, workflow_id)
        if description is None:
            raise not_found("event")
        event = (await self._accepted(workflow_id)).event
        return EventFanOut(event, fan_out_state(description, event))

    async def cancel(self, tenant_id: str, event_id: str) -> EventFanOut:
        """Cancel an event that is not due yet; a repeat gets the same answer.

        The workflow decides: a cancellation that comes too late changes nothing there.

        Raises:
            Problem: 404; 409 it is due, or was; 503 no worker has answered.
        """
        found = await self.fan_out(tenant_id, event_id)
        if found.fan_out is FanOutState.SCHEDULED:
            found = await self._after_cancelling(tenant_id, event_id)
        if found.fan_out is not FanOutState.CANCELLED:
            raise conflict("the event was due already; only a scheduled one can be cancelled")
        return found

    async def page(
        self, tenant_id: str, wanted: EventFilter, limit: int, cursor: str | None
    ) -> Page[EventFanOut]:
        """Return a page of a tenant's events, those published last first.

        Raises:
            Problem: 404 no such tenant.
        """
        await self.tenants.known(tenant_id)
        return await self.lists.page(
            wanted.query(tenant_id), limit, cursor, self._shown, tenant_id=tenant_id
        )

    async def _start(self, event: EventInput, matches: Matches | None) -> bool:
        """Start the event's workflow or, if it goes to one endpoint only, its delivery.

        Both have the event's id, so a repeat never starts the other one. True: it is the delivery.
        """
        delivery = matches.sole_delivery() if matches and event.deliver_at is None else None
        if delivery is None:
            await publish(self.client, event, task_queue=self.task_queue, rpc_timeout=RPC_TIMEOUT)
        else:
            await publish_sole_delivery(
                self.client,
                delivery,
                task_queue=deliveries_queue(self.task_queue),
                rpc_timeout=RPC_TIMEOUT,
            )
        return delivery is not None

    async def _take_places(self, event: EventInput, matches: Matches | None, *, sole: bool) -> None:
        """Give the event its place in the ordered queues before its publisher has an answer.

        So an event that is published after this one has a later place, whichever worker starts
        its delivery first. If this fails, the publisher has no answer either. Its repeat tries it
        again, and a delivery that begins before takes its place by itself.
        """
        if matches is None or event.deliver_at is not None:
            return
        queue, key = entities_queue(self.task_queue), ordering_digest(event.ordering_key)
        places = [QueuePlace(event.id, matches.accepted_at, key=key, sole=sole)]

        async def take(route: Route) -> None:
            whose = event.tenant_id, route.endpoint_id
            await take_places(self.client, queue, *whose, places, RPC_TIMEOUT)

        await asyncio.gather(*map(take, matches.ordered))

    def _checked_contract(self, event: EventInput, contract_name: str | None) -> Contract:
        try:
            contract = self.contracts.named(contract_name)
        except UnknownContractError as error:
            raise unavailable(error.missing) from None
        if len(event.model_dump_json().encode()) > MAX_EVENT_BYTES:
            text = "with its numbers written out this event is too large to store; send it in parts"
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", text)
        for path, fault in contract.event_faults(event.type, event.extra).items():
            raise invalid(("body", *path.split(".")), fault)
        return contract

    async def _repeated(self, event: EventInput, matches: Matches | None = None) -> Published:
        workflow_id = event_workflow_id(event.tenant_id, event.id)
        accepted = (await self._accepted(workflow_id)).event
        if content_of(accepted) != content_of(event):
            raise conflict("this event id was used for another event; choose a new id")
        if matches and matches.ordered:
            found = await describe(self.client, workflow_id)
            if found and may_lack_places(found):
                await self._take_places(event, matches, sole=is_sole_delivery(found))
        return Published(accepted, duplicate=True, warnings=warnings_of(accepted))

    async def _accepted(self, workflow_id: str, run_id: str | None = None) -> AcceptedEvent:
        """Return the event that a workflow was started with: the argument in its history.

        Raises:
            Problem: 404 it is gone; 409 a direct start stored something else, or encrypted it with
                a key that we do not have.
        """
        try:
            return await accepted_event(self.client, workflow_id, run_id)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:  # it was erased between two calls
                raise not_found("event") from None
            raise
        except UNREADABLE as error:
            # The error's text is left out, because it may hold what was stored.
            log.warning("event.unreadable", workflow_id=workflow_id, error=type(error).__name__)
            raise conflict(CANNOT_READ) from None

    async def _after_cancelling(self, tenant_id: str, event_id: str) -> EventFanOut:
        """Ask for the cancellation, and return the event once a worker has handled it."""
        handle = self.client.get_workflow_handle(event_workflow_id(tenant_id, event_id))
        await cancelled(handle, CANCEL_SECONDS)
        return await self.fan_out(tenant_id, event_id)

    async def _shown(self, row: Row, _newest: int) -> EventFanOut | None:
        try:
            accepted = await self._accepted(row.workflow_id, row.place.run_id)
        except Problem:
            return None
        if accepted.resent:  # the event is listed where it was published
            return None
        return EventFanOut(accepted.event, fan_out_state(row, accepted.event))
