"""Shares: how many attempts may be under way at once, by endpoint, by tenant and in total.

A receiver that hangs occupies a slot of its worker for each attempt, for a minute. Without shares a
few hundred such attempts would block all tenants (docs/decisions/0008-slots-and-lateness.md).

A tenant may take one more only while it has fewer under way than the worker has room left. So each
of n tenants that want all they can get has 1/(n + 1) of the worker, and as much is left for the
next one. Even if they come one after the other, and nothing ends meanwhile, each takes at most half
of what the ones before have left (docs/decisions/0030-shares-by-tenant.md).
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, Self

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from hookwright import metrics
from hookwright.temporal import ErrorType

MIN_WAIT_SECONDS, MAX_WAIT_SECONDS = 1.0, 60.0

INITIAL_ATTEMPT_SECONDS = 1.0
"""The assumed duration of an attempt until the first one has ended."""


class NoRoomError(Exception):
    """The limit of attempts under way is reached. Try again after `seconds`."""

    def __init__(self, seconds: float, limit: int) -> None:
        super().__init__(f"{limit} are under way")
        self.seconds = seconds


def waiting_error(no_room: NoRoomError) -> ApplicationError:
    """Return the error with which an activity frees its slot until its turn comes."""
    return ApplicationError(
        f"waiting for a turn: {no_room}",
        type=ErrorType.WAITING,
        next_retry_delay=timedelta(seconds=no_room.seconds),
        category=ApplicationErrorCategory.BENIGN,
    )


class Limits(NamedTuple):
    """The limits of attempts of one kind that are under way at once."""

    endpoint: int
    tenant: int
    worker: int


FIRST_ATTEMPTS = Limits(endpoint=20, tenant=100, worker=250)
"""First attempts to endpoints that are known to answer soon, and those that make no POST. Each
holds a workflow task, the most costly slot. Attempts beyond the limits are left to `retry`."""

NEWCOMERS = Limits(endpoint=20, tenant=20, worker=100)
"""First attempts to endpoints of which this worker does not know whether they answer. Those that
hang leave their workflow tasks after some seconds, which are writes for Temporal. Attempts beyond
the limits are left to `retry`."""

NEWCOMERS_RETRIES = Limits(endpoint=20, tenant=50, worker=100)
"""The attempts of `retry` to such endpoints. They have shares of their own, so that a thousand that
hang leave those of the others alone. First attempts beyond the limits are left to the slow lane."""

RETRIES = Limits(endpoint=50, tenant=100, worker=200)
"""The attempts of `retry` to endpoints that are not known to be slow or failing. There are more
slots than this (`runtime.worker.sdk_workers`), because a retry needs a slot to find out that it
must wait."""

SLOW_RETRIES = Limits(endpoint=50, tenant=100, worker=250)
"""The attempts of `retry` to endpoints that are slow or failing. Most are under way for as long as
their timeout, and send heartbeats, each a write for Temporal: 250 that hung kept an embedded server
so busy that it considered some of them dead."""

EVALUATIONS = Limits(endpoint=4, tenant=4, worker=40)
"""Attempts whose filter or template has to be evaluated in another process, which does one job of a
tenant at a time. A fifth would wait for a second or more, and each that waits sends heartbeats."""

TESTS = Limits(endpoint=5, tenant=20, worker=50)
"""Test events. A person waits for the result."""

FAN_OUTS = Limits(endpoint=10, tenant=10, worker=200)
"""Events with many deliveries or costly filters. They have no endpoint, so the tenant's id is used
in its place."""

COSTLY_FAN_OUTS = Limits(endpoint=5, tenant=5, worker=100)
"""Events whose filters are asked one after the other. Those of a tenant wait for each other anyway,
and its other events, with deliveries that need no costly filter, must not wait for them."""

RELEASES = Limits(endpoint=1, tenant=20, worker=200)
"""Endpoints that release held deliveries. Each holds a slot of the entities for ten seconds: those
of one tenant, all resumed at once, must leave slots for other endpoints' probes and notices."""

SEARCHES = Limits(endpoint=1, tenant=20, worker=200)
"""Endpoints that look for held deliveries, to probe, to let them expire, to cancel or to count
them. Each waits in a slot of the entities for its tenant's turn at visibility."""

RECOVERIES = Limits(endpoint=1, tenant=20, worker=200)
"""Each holds a slot until it ends, which may take days."""


TURNS = Limits(endpoint=50, tenant=100, worker=400)
"""Each gives turns of one queue, or of one ordering key, for seconds, or looks at one delivery. A
queue has forty of these at most, and one that reads its rules."""


@dataclass
class Gauge:
    """The attempts under way of one endpoint, one tenant or one worker.

    `average_seconds` is how long an attempt takes; `next_turn` is the time of the next free turn.
    """

    limit: int
    under_way: int = 0
    average_seconds: float = INITIAL_ATTEMPT_SECONDS
    next_turn: float = 0.0
    _sum_of_begins: float = 0.0

    def began(self, now: float) -> None:
        """Count an attempt that begins."""
        self.under_way += 1
        self._sum_of_begins += now

    def ended(self, began: float, now: float) -> None:
        """Count an attempt that has ended, and update the average duration."""
        self.under_way -= 1
        self._sum_of_begins -= began
        self.average_seconds += (now - began - self.average_seconds) / 10

    def seconds_until_turn(self, now: float) -> float:
        """Give a turn to an attempt that found no room, and return the seconds until then.

        The turns are as far apart as attempts end on average, so most attempts find room at their
        turn. Those under way, which may all hang, are taken to last twice as long as until now.
        """
        so_far = now - self._sum_of_begins / self.under_way if self.under_way else 0.0
        seconds = max(self.average_seconds, 2 * so_far)
        turn = max(self.next_turn, now + MIN_WAIT_SECONDS)
        self.next_turn = min(turn + seconds / self.limit, now + MAX_WAIT_SECONDS)
        return turn - now


@dataclass
class Share:
    """The right of an attempt to be under way. It ends when all its users have left its context.

    The activity that waits for a POST and the POST itself both use it: either may end last.
    """

    shares: "Shares"
    keys: tuple[str, ...]
    began: float
    users: int = 0

    def __enter__(self) -> Self:
        self.users += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.users -= 1
        if not self.users:
            self.shares.end(self)


@dataclass
class Shares:
    """The shares of one kind of attempt."""

    limits: Limits
    _gauges: dict[str, Gauge] = field(default_factory=dict)

    def take(self, tenant_id: str, endpoint_id: str) -> Share:
        """Return the right to make an attempt.

        Raises:
            NoRoomError: the endpoint, its tenant or this worker has reached its limit, or the
                tenant has as many under way as the worker has room left.
        """
        now = asyncio.get_running_loop().time()
        gauges = self._gauges_of(tenant_id, endpoint_id)
        if full := _full(gauges.values()):
            metrics.found_no_room(full.level)
            raise NoRoomError(full.gauge.seconds_until_turn(now), full.gauge.under_way)
        for key, gauge in gauges.items():
            self._gauges[key] = gauge
            gauge.began(now)
        return Share(self, tuple(gauges), now)

    def has_room(self, tenant_id: str, endpoint_id: str) -> bool:
        """Return whether an attempt could begin now."""
        return _full(self._gauges_of(tenant_id, endpoint_id).values()) is None

    def end(self, share: Share) -> None:
        """Note that an attempt has ended."""
        now = asyncio.get_running_loop().time()
        for key in share.keys:
            gauge = self._gauges[key]
            gauge.ended(share.began, now)
            if not gauge.under_way:
                del self._gauges[key]

    def _gauges_of(self, tenant_id: str, endpoint_id: str) -> dict[str, Gauge]:
        limits = {
            f"{tenant_id}:{endpoint_id}": self.limits.endpoint,
            tenant_id: self.limits.tenant,
            "": self.limits.worker,
        }
        return {key: self._gauges.get(key) or Gauge(limit) for key, limit in limits.items()}


class _Full(NamedTuple):
    level: metrics.Level
    gauge: Gauge


def _full(gauges: Collection[Gauge]) -> _Full | None:
    """Return what has no room for one more: the endpoint, the tenant or the worker."""
    _, tenant, worker = gauges
    for gauge, level in zip(gauges, metrics.LEVELS, strict=True):
        if gauge.under_way >= gauge.limit:
            return _Full(level, gauge)
    if tenant.under_way >= worker.limit - worker.under_way:
        return _Full("tenant", tenant)
    return None
