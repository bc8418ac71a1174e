"""Turns that each tenant has for itself: as many as it wants, but few while others have traffic."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hookwright.turns.traffic import Traffic

AT_ONCE_BESIDE_OTHERS = 2
"""So many turns a tenant has at once while another has traffic. What the server needs for one grows
with its load, so two at once are many a second while it is idle, and few while it is busy."""


class NoTurnError(Exception):
    """No turn came in time."""


@dataclass
class OneTenant:
    """The turns of a tenant: those under way, and who waits for one, in their order."""

    under_way: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


@dataclass
class TurnsOfEachTenant:
    """Gives turns to each tenant, in the order in which they were asked for.

    One tenant's turns never wait for another's.
    """

    traffic: Traffic = field(default_factory=Traffic)
    _tenants: dict[str, OneTenant] = field(default_factory=dict, init=False)

    @asynccontextmanager
    async def turn(self, tenant_id: str, patience_seconds: float) -> AsyncIterator[None]:
        """Wait for a turn of this tenant. It lasts as long as the context.

        Raises:
            NoTurnError: none came within this time.
        """
        self.traffic.saw(tenant_id)
        tenant = self._tenants.setdefault(tenant_id, OneTenant())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        tenant.waiting.append(turn)
        self._give_turns(tenant_id, tenant)
        try:
            if not turn.done():
                await self._wait(turn, patience_seconds)
            yield
        finally:
            if turn.done() and not turn.cancelled():
                tenant.under_way -= 1
            turn.cancel()
            self._give_turns(tenant_id, tenant)
            if not (tenant.under_way or tenant.waiting):
                self._tenants.pop(tenant_id, None)

    async def _wait(self, turn: asyncio.Future[None], seconds: float) -> None:
        try:
            await asyncio.wait_for(turn, seconds)
        except TimeoutError:
            raise NoTurnError from None

    def _give_turns(self, tenant_id: str, tenant: OneTenant) -> None:
        few = self.traffic.beside(tenant_id)
        while tenant.waiting and not (few and tenant.under_way >= AT_ONCE_BESIDE_OTHERS):
            turn = tenant.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                tenant.under_way += 1
