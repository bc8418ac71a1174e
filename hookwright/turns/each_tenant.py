"""Turns that each tenant has for itself: as many as it wants, but few while others have traffic."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from statistics import fmean

from hookwright.turns.asking_again import AskingAgain
from hookwright.turns.rests import Rests
from hookwright.turns.traffic import Traffic

AT_ONCE_BESIDE_OTHERS = 2
"""So many turns a busy tenant has at once while another has traffic. What the server needs for one
grows with its load, so two at once are many a second while it is idle, and few while it is busy."""

FEW = 8
"""Whoever asks for no more than so many at the same time is not busy, even if nobody else asks for
any just now: others' deliveries may have made the server slow."""

MOST_THAT_COUNTS = 64
"""What a tenant asks for counts up to this where the mean is taken. Else one that asks for very
much would free all others from the limit."""

ANSWER_TAKES_SECONDS = 0.5
"""Who has no turn so long before its answer must be there is told so. Else the caller would hear,
of the deadline around it, that the server did not answer."""


class NoTurnError(Exception):
    """No turn came in time. Ask again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__("no turn came in time")
        self.seconds = seconds


@dataclass
class OneTenant:
    """The turns of a tenant: those under way or in their rest, and who waits for one, in order."""

    under_way: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    asking_again: AskingAgain = field(default_factory=AskingAgain)

    @property
    def asked(self) -> int:
        """How many turns it asks for."""
        return self.under_way + len(self.waiting)


@dataclass
class TurnsOfEachTenant:
    """Gives turns to each tenant, in the order in which they were asked for.

    One tenant's turns never wait for another's. While others have traffic, a tenant is busy if it
    asks for more than a few turns, and for the mean of those that ask for any, or more. So whoever
    asks for less than others is not limited, however slow the server has become.
    """

    traffic: Traffic = field(default_factory=Traffic)
    _rests: Rests = field(default_factory=Rests, init=False)
    _tenants: dict[str, OneTenant] = field(default_factory=dict, init=False)

    @asynccontextmanager
    async def turn(self, tenant_id: str, answer_by: float) -> AsyncIterator[None]:
        """Wait for a turn of this tenant. It lasts as long as the context, and a rest after that.

        Raises:
            NoTurnError: none came in time for an answer until then, in the event loop's time.
        """
        self.traffic.saw(tenant_id)
        tenant = self._tenants.setdefault(tenant_id, OneTenant())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        tenant.waiting.append(turn)
        self._settle(tenant_id, tenant)
        try:
            if not turn.done():
                await self._wait(tenant, turn, answer_by - ANSWER_TAKES_SECONDS)
        except BaseException:
            if turn.done() and not turn.cancelled():
                tenant.under_way -= 1
            else:
                with suppress(ValueError):  # it was passed over already
                    tenant.waiting.remove(turn)
            self._settle(tenant_id, tenant)
            raise
        began = self.traffic.clock()
        try:
            yield
            self._rests.learn(self.traffic.clock() - began)
        finally:
            self._rests.after(
                self.traffic.clock() - began,
                lambda: self._end(tenant_id, tenant),
                needed=self._is_busy(tenant_id, tenant),
            )

    async def _wait(self, tenant: OneTenant, turn: asyncio.Future[None], until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await turn
        except TimeoutError:
            raise NoTurnError(tenant.asking_again.seconds(self.traffic.clock())) from None

    def _end(self, tenant_id: str, tenant: OneTenant) -> None:
        tenant.under_way -= 1
        tenant.asking_again.turn_ended(self.traffic.clock())
        self._settle(tenant_id, tenant)

    def _is_busy(self, tenant_id: str, tenant: OneTenant) -> bool:
        if tenant.asked <= FEW or not self.traffic.beside(tenant_id):
            return False
        return tenant.asked >= fmean(
            min(each.asked, MOST_THAT_COUNTS) for each in self._tenants.values()
        )

    def _settle(self, tenant_id: str, tenant: OneTenant) -> None:
        """Give the turns that are free; forget a tenant that asks for none."""
        few = self._is_busy(tenant_id, tenant)
        while tenant.waiting and not (few and tenant.under_way >= AT_ONCE_BESIDE_OTHERS):
            turn = tenant.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                tenant.under_way += 1
        if not tenant.asked:
            self._tenants.pop(tenant_id, None)
