"""Turns of tenants at what costs Temporal much: starting the many deliveries of one event.

Tenants take turns, so that one with 5,000 endpoints does not delay another's 200 until all of its
own are started. While other tenants have traffic, only a few starts are under way at the same time,
and whoever has the most waiting rests after each of its own, so that the server has time for the
others (docs/decisions/0030-shares-by-tenant.md).
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean

from activities.shares.round_robin import RoundRobin
from hookwright.turns import FEW, Rests, Traffic

TURNS_ALONE, TURNS_BESIDE_OTHERS = 10, 2
"""How many have their turn at once: while no other tenant has traffic, and while one has."""

TIMES_THE_DELAY_OF_A_START = 6.0
"""Twice what a publish rests: each start has a first attempt after it, and nobody waits for its
answer. Measured: a small tenant beside one event for 5,000 endpoints (docs/decisions/0030)."""


@dataclass
class TenantTurns:
    """Gives turns to tenants, one after the other. Who belongs to a tenant comes first, goes first.

    A tenant has traffic while its events or deliveries are seen. One that rests is passed over.
    """

    traffic: Traffic = field(default_factory=Traffic)
    _rests: Rests = field(default_factory=partial(Rests, TIMES_THE_DELAY_OF_A_START), init=False)
    _waiting: RoundRobin = field(default_factory=RoundRobin)
    _under_way: int = 0
    _resting: Counter[str] = field(default_factory=Counter, init=False)

    @asynccontextmanager
    async def turn(self, tenant_id: str) -> AsyncIterator[None]:
        """Wait for this tenant's turn. It lasts as long as the context."""
        turn = self._waiting.wait(tenant_id)
        self._give_turns()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._under_way -= 1
            self._give_turns()
            raise
        began = self.traffic.clock()
        try:
            yield
            self._rests.learn(self.traffic.clock() - began)
        finally:
            took = self.traffic.clock() - began
            self._under_way -= 1
            self._resting[tenant_id] += 1
            self._rests.after(
                took, lambda: self._rested(tenant_id), needed=self._has_most_waiting(tenant_id)
            )
            self._give_turns()

    def _rested(self, tenant_id: str) -> None:
        self._resting -= Counter([tenant_id])
        self._give_turns()

    def _has_most_waiting(self, tenant_id: str) -> bool:
        """Return whether others have traffic, and it waits for as many turns as they on average.

        Whoever waits for few has no rest: an event to a few endpoints is not to take longer.
        """
        number = self._waiting.number(tenant_id)
        if number <= FEW or not self.traffic.beside(tenant_id):
            return False
        return number >= fmean(self._waiting.number(each) for each in self._waiting.tenants)

    def _give_turns(self) -> None:
        """Give as many turns as there are, to the tenants in the order in which they had one."""
        while tenant_id := self._next_tenant():
            self._under_way += self._waiting.give_turn(tenant_id)

    def _next_tenant(self) -> str | None:
        """Return who has a turn now. A rest counts as a turn, but only for its own tenant."""
        for tenant_id in self._waiting.tenants:
            resting = self._resting[tenant_id]
            if self._under_way + resting < self._limit(tenant_id):
                return tenant_id
            if not resting:
                return None
        return None

    def _limit(self, tenant_id: str) -> int:
        return TURNS_BESIDE_OTHERS if self.traffic.beside(tenant_id) else TURNS_ALONE
