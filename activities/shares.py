"""How many attempts may be under way at once: to one endpoint, of one tenant, and in all.

A receiver that hangs holds one slot of its worker for each attempt, for a minute. Without shares
a few hundred such attempts would stop everybody's (docs/decisions/0008-slots-and-lateness.md).
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, Self

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from hookwright.temporal import ErrorType

SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0

FIRST_GUESS_SECONDS = 1.0
"""How long an attempt takes, as long as none has ended."""


class NoRoomError(Exception):
    """So many attempts are under way that this one must wait; ask again in `seconds`."""

    def __init__(self, seconds: float, limit: int) -> None:
        super().__init__(f"{limit} are under way")
        self.seconds = seconds


def waits(no_room: NoRoomError) -> ApplicationError:
    """Return the failure with which an activity gives its slot back until its turn comes."""
    return ApplicationError(
        f"waits for its turn: {no_room}",
        type=ErrorType.WAITING,
        next_retry_delay=timedelta(seconds=no_room.seconds),
        category=ApplicationErrorCategory.BENIGN,
    )


class Limits(NamedTuple):
    """The most attempts of one kind that may be under way at once."""

    endpoint: int
    tenant: int
    worker: int


FIRST_ATTEMPTS = Limits(endpoint=20, tenant=100, worker=250)
"""Each holds a workflow task, the most costly slot. What is beyond is left to `retry`."""

RETRIES = Limits(endpoint=50, tenant=100, worker=400)
"""Each shows life every two seconds, a write for Temporal: 250 that hang kept an embedded server so
busy that it took some of them for dead. There are more slots (`runtime.worker.ACTIVITIES`), so that
who must wait finds one to say so."""

TESTS = Limits(endpoint=5, tenant=20, worker=50)
"""Test events, for which a person waits."""

FAN_OUTS = Limits(endpoint=10, tenant=10, worker=200)
"""Events with many deliveries or costly filters. The tenant stands for the endpoint."""

RECOVERIES = Limits(endpoint=1, tenant=20, worker=200)
"""Each holds a slot for as long as it lasts, be it for days."""


@dataclass
class Gauge:
    """Attempts under way of one endpoint, one tenant or one worker."""

    limit: int
    under_way: int = 0
    seconds: float = FIRST_GUESS_SECONDS
    next_turn: float = 0.0

    def ended(self, seconds: float) -> None:
        """Count one less, and learn how long they take."""
        self.under_way -= 1
        self.seconds += (seconds - self.seconds) / 10

    def wait(self, now: float) -> float:
        """Return after how many seconds one that found no room shall ask again.

        Each is given a turn of its own, as far apart as attempts end; so few ask in vain.
        """
        share = max(self.next_turn, now + SHORTEST_WAIT_SECONDS)
        self.next_turn = min(share + self.seconds / self.limit, now + LONGEST_WAIT_SECONDS)
        return share - now


@dataclass
class Share:
    """An attempt's right to be under way, for as long as somebody is within its context.

    Who waits for a POST and the POST itself are both within: one may outlast the other.
    """

    shares: "Shares"
    keys: tuple[str, ...]
    began: float
    within: int = 0

    def __enter__(self) -> Self:
        self.within += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.within -= 1
        if not self.within:
            self.shares.end(self)


@dataclass
class Shares:
    """The shares of one kind of attempt."""

    limits: Limits
    _gauges: dict[str, Gauge] = field(default_factory=dict)

    def take(self, tenant_id: str, endpoint_id: str) -> Share:
        """Return the right to make an attempt.

        Raises:
            NoRoomError: the endpoint, its tenant or this worker has as many as it may.
        """
        now = asyncio.get_running_loop().time()
        gauges = self._of(tenant_id, endpoint_id)
        for gauge in gauges.values():
            if gauge.under_way >= gauge.limit:
                raise NoRoomError(gauge.wait(now), gauge.limit)
        for key, gauge in gauges.items():
            self._gauges[key] = gauge
            gauge.under_way += 1
        return Share(self, tuple(gauges), now)

    def end(self, share: Share) -> None:
        """Note that an attempt has ended."""
        seconds = asyncio.get_running_loop().time() - share.began
        for key in share.keys:
            gauge = self._gauges[key]
            gauge.ended(seconds)
            if not gauge.under_way:
                del self._gauges[key]

    def _of(self, tenant_id: str, endpoint_id: str) -> dict[str, Gauge]:
        limits = {
            f"{tenant_id}:{endpoint_id}": self.limits.endpoint,
            tenant_id: self.limits.tenant,
            "": self.limits.worker,
        }
        return {key: self._gauges.get(key) or Gauge(limit) for key, limit in limits.items()}
