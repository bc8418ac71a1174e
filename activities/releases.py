"""What an endpoint does with its held deliveries: let them go, let them expire, end them.

They are found by visibility: it lags, so a delivery found here may have left already, and one that
is not found is looked for again (`hookwright.health.queue`). Each activity ends after
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
from hookwright.health import TURN_SECONDS, Release
from hookwright.ids import tenant_workflow_id
from hookwright.models import EndpointRef, ProbeInput, ReleaseInput, TenantView
from hookwright.outcomes import DeliveryState
from hookwright.temporal import (
    ACCEPTED_AT,
    DELIVERY_STATE,
    ENDPOINT_ID,
    HELD_SINCE,
    TENANT_ID,
    ActivityName,
    MemoKey,
    Signal,
    WorkflowType,
    described,
    reached,
)
from hookwright.times import rfc3339

PAGE = 1_000
"""Held deliveries that are sorted at once. What visibility lists has no order of ours."""

NARROWINGS = 30
"""Halvings of a month, down to a millisecond or so."""

ORDERLY_PACE = 20.0
"""Up to so many a second go one after the other; beyond, some at once, and their order is lost."""

POSTED_WITHIN_SECONDS = 2.0
POLL_SECONDS = 0.01
BEAT_SECONDS = 1.0
MAX_BATCH_SECONDS = 5.0

SOONEST_EXPIRY_CHECK, LATEST_EXPIRY_CHECK = 5.0, 3_600.0


@dataclass(frozen=True)
class ReleaseActivities:
    """The activities of `Endpoint` that concern held deliveries."""

    client: Client
    endpoints: EndpointSnapshots

    @activity.defn(name=ActivityName.RELEASE_PROBE)
    async def probe(self, given: ProbeInput) -> bool:
        """Let a held delivery go, to try a disabled endpoint; tell if there was one.

        After so many `earlier` probes in vain it is the next in the order of acceptance, and the
        first again after the last: one that the receiver does not want must not decide for all.
        """
        turn_over = _turn_timer()
        rows = await self._oldest(given.endpoint, min(given.earlier + 1, PAGE))
        first = given.earlier % len(rows) if rows else 0
        for row in rows[first:] + rows[:first]:
            if await self._release(row.id, Release.PROBE):
                return True
            if turn_over():
                break
        return False

    @activity.defn(name=ActivityName.RELEASE_HELD)
    async def release(self, given: ReleaseInput) -> int:
        """Let held deliveries go, oldest first, so many a second; return how many.

        It takes about a second at low paces, and at most MAX_BATCH_SECONDS if the receiver is
        quick. It stops when the endpoint closes: at the first failure, say.
        """
        pace, turn_over = given.per_second, _turn_timer()
        seconds = min(MAX_BATCH_SECONDS, max(1.0, pace / 2))
        wanted = max(1, round(pace * seconds))
        released, clock = 0, asyncio.get_running_loop().time
        due = clock()
        rows = await self._oldest(given.endpoint, wanted)
        size = max(1, round(pace / ORDERLY_PACE))
        for start in range(0, len(rows), size):
            activity.heartbeat()
            if released >= wanted or turn_over() or not await self._is_open(given.endpoint):
                break
            await _wait_until(due)
            due = max(due, clock()) + size / pace
            together = (self._release(row.id, Release.DRAIN) for row in rows[start : start + size])
            released += sum(await asyncio.gather(*together))
        await _wait_until(due)
        return released

    @activity.defn(name=ActivityName.EXPIRE_HELD)
    async def expire(self, endpoint: EndpointRef) -> float:
        """Let expire what was held for too long; return the seconds until the next look."""
        hold = await self._hold_seconds(endpoint.tenant_id)
        since, turn_over = datetime.now(UTC) - timedelta(seconds=hold), _turn_timer()
        query = f"{_held(endpoint)} AND {HELD_SINCE.name} < '{rfc3339(since)}'"
        async for row in self._rows(query):
            await reached(self.client.get_workflow_handle(row.id).signal(Signal.EXPIRE))
            if turn_over():
                return SOONEST_EXPIRY_CHECK
        return min(max(hold / 100, SOONEST_EXPIRY_CHECK), LATEST_EXPIRY_CHECK)

    @activity.defn(name=ActivityName.CANCEL_HELD)
    async def cancel(self, endpoint: EndpointRef) -> int:
        """Cancel what is held for an endpoint that is gone; return how many."""
        ended, turn_over = 0, _turn_timer()
        async for row in self._rows(_held(endpoint)):
            ended += await reached(self.client.get_workflow_handle(row.id).cancel())
            if turn_over():
                break
        return ended

    @activity.defn(name=ActivityName.COUNT_HELD)
    async def count(self, endpoint: EndpointRef) -> int:
        """Return how many deliveries visibility shows as held for an endpoint."""
        return await self._count(_held(endpoint))

    async def _oldest(self, endpoint: EndpointRef, wanted: int) -> list[WorkflowExecution]:
        """Return held deliveries in the order of acceptance: at least so many, if there are."""
        query = _held(endpoint)
        if await self._count(query) > PAGE:
            query += await self._until(query, wanted)
        rows = [row async for row in self._rows(query, limit=PAGE)]
        return sorted(rows, key=lambda row: (row.typed_search_attributes[ACCEPTED_AT], row.id))

    async def _until(self, query: str, wanted: int) -> str:
        """Return a condition that leaves the oldest, in a number that fits a page."""
        late = datetime.now(UTC)
        early = late - timedelta(days=400)
        for _ in range(NARROWINGS):
            middle = early + (late - early) / 2
            condition = f" AND {ACCEPTED_AT.name} <= '{rfc3339(middle)}'"
            count = await self._count(query + condition)
            if wanted <= count <= PAGE:
                return condition
            early, late = (middle, late) if count < wanted else (early, middle)
        return f" AND {ACCEPTED_AT.name} <= '{rfc3339(late)}'"

    async def _count(self, query: str) -> int:
        activity.heartbeat()
        return (await self.client.count_workflows(query)).count

    async def _rows(self, query: str, limit: int | None = None) -> AsyncIterator[WorkflowExecution]:
        async for row in self.client.list_workflows(query, page_size=PAGE, limit=limit):
            activity.heartbeat()
            yield row

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
    """Return what tells whether TURN_SECONDS have passed since now."""
    clock = asyncio.get_running_loop().time
    end = clock() + TURN_SECONDS
    return lambda: clock() >= end


async def _wait_until(due: float) -> None:
    """Wait until the loop's time is due, and show life: ten seconds at the lowest pace."""
    while (left := due - asyncio.get_running_loop().time()) > 0:
        activity.heartbeat()
        await asyncio.sleep(min(left, BEAT_SECONDS))


def _held(endpoint: EndpointRef) -> str:
    return (
        f"WorkflowType = '{WorkflowType.DELIVERY}' AND ExecutionStatus = 'Running'"
        f" AND {DELIVERY_STATE.name} = '{DeliveryState.HELD}'"
        f" AND {TENANT_ID.name} = '{endpoint.tenant_id}'"
        f" AND {ENDPOINT_ID.name} = '{endpoint.endpoint_id}'"
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
