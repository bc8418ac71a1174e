"""What an endpoint does with its held deliveries: release them, let them expire, cancel them.

They are found by visibility. It lags, so a delivery that is found may have left already, and one
that is not found is searched for again later (`hookwright.health.queue`). Each activity ends after
TURN_SECONDS, done or not, and is called again: no duty of an endpoint keeps another waiting.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from weakref import WeakValueDictionary

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus

from activities.endpoint_snapshots import EndpointSnapshots
from activities.grouping import grouped
from activities.heartbeats import heartbeats
from activities.held_rows import HeldRows
from activities.shares import RELEASES, SEARCHES, NoRoomError, Shares, waiting_error
from hookwright.health import TURN_SECONDS, Release
from hookwright.ids import tenant_workflow_id
from hookwright.models import EndpointRef, ProbeInput, ReleaseInput, TenantView
from hookwright.outcomes import DeliveryState
from hookwright.temporal import (
    DELIVERY_STATE,
    HELD_SINCE,
    ActivityName,
    MemoKey,
    Row,
    Signal,
    described,
    reached,
    time_between,
)

MAX_PROBED = 1_000
"""Held deliveries among which probes choose in turn."""

SPARE_ROWS = 20
"""Rows that a probe reads beyond the one it wants: some may have left already."""

ORDERLY_PACE = 20.0
"""Up to so many a second are released one after the other. Beyond it, some are released at once,
and their order is lost."""

POSTED_WITHIN_SECONDS = 2.0

FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS, LOOK_GROWTH = 0.01, 0.25, 1.5
"""A released delivery is looked at after so long, and then ever later: one that is POSTed at once
costs two or three looks, and a receiver that hangs some fourteen."""

SHORTEST_SECONDS, GROWING_SECONDS, STEADY_SECONDS = 1.0, 2.0, 10.0
"""How long the lowest paces last, one that is to grow, and one that has grown. What fails meanwhile
is heard of within a second."""

RELEASED_AT_ONCE = 10
"""Deliveries of a tenant that a worker has released and has not seen POSTed yet, whatever the paces
of its endpoints. More are not faster: on an embedded server with two busy cores 10 let 18 a second
go and 50 let 11 go, while others took longer to publish (docs/decisions/0009-health.md)."""

SOONEST_EXPIRY_CHECK, LATEST_EXPIRY_CHECK = 5.0, 3_600.0


class Drain(NamedTuple):
    """How an endpoint drains: so many a second, and whether that is to grow."""

    pace: float
    growing: bool

    @property
    def seconds(self) -> float:
        """How long a turn lasts."""
        if self.growing:
            return min(max(self.pace / 2, SHORTEST_SECONDS), GROWING_SECONDS)
        return STEADY_SECONDS


@dataclass(frozen=True)
class ReleaseActivities:
    """The activities of `Endpoint` that concern held deliveries.

    Raises:
        ApplicationError: the tenant has many of them under way; benign, tried again.
    """

    client: Client
    endpoints: EndpointSnapshots
    rows: HeldRows
    releases: Shares = field(default_factory=lambda: Shares(RELEASES), init=False)
    searches: Shares = field(default_factory=lambda: Shares(SEARCHES), init=False)
    _at_once: WeakValueDictionary[str, asyncio.Semaphore] = field(
        default_factory=WeakValueDictionary, init=False
    )

    @activity.defn(name=ActivityName.RELEASE_PROBE)
    async def probe(self, given: ProbeInput) -> bool:
        """Release a held delivery, to probe a disabled endpoint; return whether there was one.

        After so many `earlier` probes that failed, it is the next one in the order of acceptance,
        and after the last one the first again: a delivery that the receiver refuses must not decide
        for all.
        """
        turn_is_over = _turn_timer()
        async with _share(self.searches, given.endpoint):
            rows: list[Row] = []
            async for row in self.rows.oldest(given.endpoint):
                rows.append(row)
                if len(rows) >= min(given.earlier + 1 + SPARE_ROWS, MAX_PROBED):
                    break
            first = given.earlier % len(rows) if rows else 0
            for row in rows[first:] + rows[:first]:
                if await self._release(given.endpoint, row, Release.PROBE):
                    return True
                if turn_is_over():
                    break
        return False

    @activity.defn(name=ActivityName.RELEASE_HELD)
    async def release(self, given: ReleaseInput) -> int:
        """Release held deliveries, oldest first, so many a second; return how many.

        A turn is short while the pace is to grow. It ends when somebody changes the pace, so a new
        one takes effect after the deliveries that are being released. It stops when the endpoint no
        longer takes deliveries, at the first failure for example.
        """
        async with _share(self.releases, given.endpoint):
            return await self._release_some(given.endpoint, given.per_second)

    @activity.defn(name=ActivityName.EXPIRE_HELD)
    async def expire(self, endpoint: EndpointRef) -> float:
        """Let expire what was held for too long; return the seconds until the next check."""
        turn_is_over = _turn_timer()
        async with _share(self.searches, endpoint):
            hold_seconds = await self._hold_seconds(endpoint.tenant_id)
            until = datetime.now(UTC) - timedelta(seconds=hold_seconds)
            expired = f" AND {time_between(HELD_SINCE.name, None, until)}"
            async for row in self.rows.in_any_order(endpoint, expired):
                await reached(self.client.get_workflow_handle(row.id).signal(Signal.EXPIRE))
                if turn_is_over():
                    return SOONEST_EXPIRY_CHECK
        return min(max(hold_seconds / 100, SOONEST_EXPIRY_CHECK), LATEST_EXPIRY_CHECK)

    @activity.defn(name=ActivityName.CANCEL_HELD)
    async def cancel(self, endpoint: EndpointRef) -> int:
        """Cancel what is held for an endpoint that is gone; return how many."""
        cancelled, turn_is_over = 0, _turn_timer()
        async with _share(self.searches, endpoint):
            async for row in self.rows.in_any_order(endpoint):
                cancelled += await reached(self.client.get_workflow_handle(row.id).cancel())
                if turn_is_over():
                    break
        return cancelled

    @activity.defn(name=ActivityName.COUNT_HELD)
    async def count(self, endpoint: EndpointRef) -> int:
        """Return how many deliveries visibility shows as held for an endpoint."""
        async with _share(self.searches, endpoint):
            return await self.rows.count(endpoint)

    async def _release_some(self, endpoint: EndpointRef, expected_pace: float) -> int:
        clock = asyncio.get_running_loop().time
        released, pace, due, end = 0, 0.0, clock(), math.inf
        async for group in grouped(self.rows.oldest(endpoint), _group_size(expected_pace)):
            drain = await self._drain(endpoint)
            if drain is None or (pace and drain.pace != pace):
                break
            if not pace:
                pace, end = drain.pace, clock() + drain.seconds
            await _wait_until(due)
            due = clock()
            together = (self._release(endpoint, row, Release.DRAIN) for row in group)
            gone = sum(await asyncio.gather(*together))
            # Visibility still shows those of the last turn for a while; they cost no time.
            released, due = released + gone, due + gone / pace
            if max(due, clock()) >= end:
                break
        await _wait_until(due)
        return released

    async def _drain(self, endpoint: EndpointRef) -> "Drain | None":
        """Return how the endpoint drains now, or None if it takes no deliveries."""
        state = await self.endpoints.current(endpoint.tenant_id, endpoint.endpoint_id)
        if state is None:
            return None
        health, top = state.health, state.active_config.drain_per_second
        if not health.admits(Release.DRAIN) or health.queue.throttled_until:
            return None
        return Drain(health.release_pace(top), growing=health.queue.pace < top)

    async def _release(self, endpoint: EndpointRef, row: Row, release: Release) -> bool:
        """Let a delivery go, and see it POSTed, or slow: so they keep their order."""
        at_once = self._at_once.setdefault(endpoint.tenant_id, asyncio.Semaphore(RELEASED_AT_ONCE))
        async with at_once:
            description = await described(self.client, row.workflow_id)
            if description is None or not _is_held(description):
                return False
            handle = self.client.get_workflow_handle(row.workflow_id)
            if not await reached(handle.signal(Signal.RELEASE, release)):
                return False
            await self._see_posted(row.workflow_id)
            return True

    async def _see_posted(self, workflow_id: str) -> None:
        clock, pause = asyncio.get_running_loop().time, FIRST_LOOK_SECONDS
        deadline = clock() + POSTED_WITHIN_SECONDS
        while clock() < deadline:
            await asyncio.sleep(pause)
            description = await described(self.client, workflow_id)
            if description is None or _was_posted(description):
                return
            pause = min(pause * LOOK_GROWTH, LAST_LOOK_SECONDS)

    async def _hold_seconds(self, tenant_id: str) -> float:
        description = await described(self.client, tenant_workflow_id(tenant_id))
        if description is None:
            return LATEST_EXPIRY_CHECK  # a tenant that is gone takes its endpoints with it
        tenant = await description.memo_value(MemoKey.TENANT, None, type_hint=TenantView)
        return tenant.hold_for_seconds if tenant else LATEST_EXPIRY_CHECK


@asynccontextmanager
async def _share(shares: Shares, endpoint: EndpointRef) -> AsyncIterator[None]:
    """Use a share of the worker, and send heartbeats, while the context lasts."""
    try:
        share = shares.take(endpoint.tenant_id, endpoint.endpoint_id)
    except NoRoomError as error:
        raise waiting_error(error) from None
    with share:
        async with heartbeats():
            yield


def _turn_timer() -> Callable[[], bool]:
    """Return a function that returns whether TURN_SECONDS have passed since now."""
    clock = asyncio.get_running_loop().time
    end = clock() + TURN_SECONDS
    return lambda: clock() >= end


def _group_size(pace: float) -> int:
    """Return how many are released at once."""
    return max(1, round(pace / ORDERLY_PACE))


async def _wait_until(due: float) -> None:
    """Wait until the loop's time is due: ten seconds at the lowest pace."""
    await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


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
