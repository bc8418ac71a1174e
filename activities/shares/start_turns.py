"""Turns of tenants at what costs Temporal much: starting the many deliveries of one event.

Tenants take turns, so that one with 5,000 endpoints does not delay another's 200 until all of its
own are started. While other tenants have traffic, only a few starts are under way at the same time,
so that the server has time for the others (docs/decisions/0030-shares-by-tenant.md).
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from activities.shares.round_robin import RoundRobin

TURNS_ALONE, TURNS_BESIDE_OTHERS = 10, 2
"""How many have their turn at once: while no other tenant has traffic, and while one has."""

TRAFFIC_SECONDS = 1.0
"""A tenant has traffic for so long after an event or a delivery of it was seen."""


@dataclass
class TenantTurns:
    """Gives turns to tenants, one after the other. Who belongs to a tenant comes first, goes first.

    The two tenants that were seen last are remembered, with the times: whoever asks whether others
    have traffic is one of the two at most.
    """

    clock: Callable[[], float] = time.monotonic
    _waiting: RoundRobin = field(default_factory=RoundRobin)
    _under_way: int = 0
    _latest: tuple[str, float] = ("", float("-inf"))
    _other: tuple[str, float] = ("", float("-inf"))

    def saw(self, tenant_id: str) -> None:
        """Note that this tenant has traffic."""
        if tenant_id != self._latest[0]:
            self._other = self._latest
        self._latest = (tenant_id, self.clock())

    @asynccontextmanager
    async def turn(self, tenant_id: str) -> AsyncIterator[None]:
        """Wait for this tenant's turn. It lasts as long as the context."""
        turn = self._waiting.wait(tenant_id)
        self._give_turns()
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                self._under_way -= 1
            self._give_turns()

    def _give_turns(self) -> None:
        """Give as many turns as there are, to the tenants in the order in which they had one."""
        while tenant_id := self._waiting.next_tenant:
            if self._under_way >= self._limit(tenant_id):
                return
            self._under_way += self._waiting.give_turn(tenant_id)

    def _limit(self, tenant_id: str) -> int:
        _, seen_at = self._other if tenant_id == self._latest[0] else self._latest
        has_company = self.clock() - seen_at < TRAFFIC_SECONDS
        return TURNS_BESIDE_OTHERS if has_company else TURNS_ALONE
