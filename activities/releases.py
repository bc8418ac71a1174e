"""What an endpoint does with its held deliveries: release them, let them expire, cancel them.

They are found by visibility. It lags, so a delivery that is found may have left already, and one
that is not found is searched for again later (`hookwright.health.queue`). Each activity ends after
TURN_SECONDS, done or not, and is called again: no duty of an endpoint keeps another waiting.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
)

from activities.endpoint_snapshots import EndpointSnapshots
from activities.grouping import grouped
from activities.heartbeats import heartbeats
from hookwright.health import TURN_SECONDS, Release
from hookwright.ids import tenant_workflow_id
from hookwright.models import EndpointRef, ProbeInput, ReleaseInput, TenantView
from hookwright.outcomes import DeliveryState
from hookwright.temporal import (
    DELIVERY_STATE,
    ENDPOINT_ID,
    HELD_SINCE,
    TENANT_ID,
    ActivityName,
    MemoKey,
    Order,
    Row,
    Signal,
    WorkflowType,
    attribute_is,
    described,
    executions_of,
    has_status,
    oldest_first,
    reached,
    time_between,
)

PAGE = 1_000
"""Held deliveries that are read at once where their order does not matter."""

MAX_PROBED = 1_000
"""Held deliveries among which probes choose in turn."""

SPARE_ROWS = 20
"""Rows that a probe reads beyond the one it wants: some may have left already."""

ORDERLY_PACE = 20.0
"""Up to so many a second are released one after the other. Beyond it, some are released at once,
and their order is lost."""

POSTED_WITHIN_SECONDS = 2.0
POLL_SECONDS = 0.01
MAX_BATCH_SECONDS = 5.0

SOONEST_EXPIRY_CHECK, LATEST_EXPIRY_CHECK = 5.0, 3_600.0


@dataclass(frozen=True)
class ReleaseActivities:
    """The activities of `Endpoint` that concern held deliveries."""

    client: Client
    endpoints: EndpointSnapshots

    @activity.defn(name=ActivityName.RELEASE_PROBE)
    async def probe(self, given: ProbeInput) -> bool:
        """Release a held delivery, to probe a disabled endpoint; return whether there was one.

        After so many `earlier` probes that failed, it is the next one in the order of acceptance,
        and after the last one the first again: a delivery that the receiver refuses must not decide
        for all.
        """
        turn_is_over = _turn_timer()
        async with heartbeats():
            rows: list[Row] = []
            async for row in self._oldest(given.endpoint):
                rows.append(row)
                if len(rows) >= min(given.earlier + 1 + SPARE_ROWS, MAX_PROBED):
                    break
            first = given.earlier % len(rows) if rows else 0
            for row in rows[first:] + rows[:first]:
                if await self._release(row.workflow_id, Release.PROBE):
                    return True
                if turn_is_over():
                    break
        return False

    @activity.defn(name=ActivityName.RELEASE_HELD)
    async def release(self, given: ReleaseInput) -> int:
        """Release held deliveries, oldest first, so many a second; return how many.

        It takes about a second at low paces, and at most MAX_BATCH_SECONDS if the receiver is
        quick. It stops when the endpoint no longer takes deliveries, at the first failure for
        example.
        """
        pace, turn_is_over = given.per_second, _turn_timer()
        wanted = max(1, round(pace * min(MAX_BATCH_SECONDS, max(1.0, pace / 2))))
        size = max(1, round(pace / ORDERLY_PACE))
        released, clock = 0, asyncio.get_running_loop().time
        due = clock()
        async with heartbeats():
            async for group in grouped(self._oldest(given.endpoint), size):
                if turn_is_over() or not await self._is_open(given.endpoint):
                    break
                await _wait_until(due)
                due = max(due, clock()) + size / pace
                together = (self._release(row.workflow_id, Release.DRAIN) for row in group)
                released += sum(await asyncio.gather(*together))
                if released >= wanted:
                    break
            await _wait_until(due)
        return released

    @activity.defn(name=ActivityName.EXPIRE_HELD)
    async def expire(self, endpoint: EndpointRef) -> float:
        """Let expire what was held for too long; return the seconds until the next check."""
        turn_is_over = _turn_timer()
        async with heartbeats():
            hold_seconds = await self._hold_seconds(endpoint.tenant_id)
            until = datetime.now(UTC) - timedelta(seconds=hold_seconds)
            expired = time_between(HELD_SINCE.name, None, until)
            async for row in self._rows(f"{_held(endpoint)} AND {expired}"):
                await reached(self.client.get_workflow_handle(row.id).signal(Signal.EXPIRE))
                if turn_is_over():
                    return SOONEST_EXPIRY_CHECK
        return min(max(hold_seconds / 100, SOONEST_EXPIRY_CHECK), LATEST_EXPIRY_CHECK)

    @activity.defn(name=ActivityName.CANCEL_HELD)
    async def cancel(self, endpoint: EndpointRef) -> int:
        """Cancel what is held for an endpoint that is gone; return how many."""
        cancelled, turn_is_over = 0, _turn_timer()
        async with heartbeats():
            async for row in self._rows(_held(endpoint)):
                cancelled += await reached(self.client.get_workflow_handle(row.id).cancel())
                if turn_is_over():
                    break
        return cancelled

    @activity.defn(name=ActivityName.COUNT_HELD)
    async def count(self, endpoint: EndpointRef) -> int:
        """Return how many deliveries visibility shows as held for an endpoint."""
        async with heartbeats():
            return (await self.client.count_workflows(_held(endpoint))).count

    def _oldest(self, endpoint: EndpointRef) -> AsyncIterator[Row]:
        """Yield held deliveries in the order of acceptance."""
        return oldest_first(self.client, _held(endpoint), Order.OLDEST_ACCEPTED_FIRST)

    def _rows(self, query: str) -> AsyncIterator[WorkflowExecution]:
        return self.client.list_workflows(query, page_size=PAGE)

    async def _is_open(self, endpoint: EndpointRef) -> bool:
        state = await self.endpoints.current(endpoint.tenant_id, endpoint.endpoint_id)
        return state is not None and (
            state.health.admits(Release.DRAIN) and not state.health.queue.throttled_until
        )

    async def _release(self, workflow_id: str, release: Release) -> bool:
        """Let a delivery go, and see it POSTed, or slow: so they keep their order."""
        description = await described(self.client, workflow_id)
        if description is None or not _is_held(description):
            return False
        handle = self.client.get_workflow_handle(workflow_id)
        if not await reached(handle.signal(Signal.RELEASE, release)):
            return False
        deadline = asyncio.get_running_loop().time() + POSTED_WITHIN_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            description = await described(self.client, workflow_id)
            if description is None or _was_posted(description):
                break
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def _hold_seconds(self, tenant_id: str) -> float:
        description = await described(self.client, tenant_workflow_id(tenant_id))
        if description is None:
            return LATEST_EXPIRY_CHECK  # a tenant that is gone takes its endpoints with it
        tenant = await description.memo_value(MemoKey.TENANT, None, type_hint=TenantView)
        return tenant.hold_for_seconds if tenant else LATEST_EXPIRY_CHECK


def _turn_timer() -> Callable[[], bool]:
    """Return a function that returns whether TURN_SECONDS have passed since now."""
    clock = asyncio.get_running_loop().time
    end = clock() + TURN_SECONDS
    return lambda: clock() >= end


async def _wait_until(due: float) -> None:
    """Wait until the loop's time is due: ten seconds at the lowest pace."""
    await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


def _held(endpoint: EndpointRef) -> str:
    return executions_of(
        WorkflowType.DELIVERY,
        has_status(WorkflowExecutionStatus.RUNNING),
        attribute_is(DELIVERY_STATE, DeliveryState.HELD),
        attribute_is(TENANT_ID, endpoint.tenant_id),
        attribute_is(ENDPOINT_ID, endpoint.endpoint_id),
    )


def _is_held(description: WorkflowExecutionDescription) -> bool:
    state = description.typed_search_attributes.get(DELIVERY_STATE)
    running = description.status is WorkflowExecutionStatus.RUNNING
    return running and state == DeliveryState.HELD


def _was_posted(description: WorkflowExecutionDescription) -> bool:
    """Tell whether a released delivery has made its attempt, or is slower than its first beat."""
    return description.status is not WorkflowExecutionStatus.RUNNING or any(
        pending.HasField("heartbeat_details")
        for pending in description.raw_description.pending_activities
    )
