"""A pace that a worker keeps for all, with turns that go round among the tenants."""

import asyncio
from dataclasses import dataclass, field

from activities.shares.round_robin import RoundRobin


@dataclass
class FairPace:
    """Lets so many pass a second, those of each tenant in order, and one of each tenant in turn.

    A tenant with many that wait delays another's by one each round.
    """

    per_second: float
    _waiting: RoundRobin = field(default_factory=RoundRobin)
    _serving: asyncio.Task[None] | None = None

    async def turn(self, tenant_id: str) -> None:
        """Wait for a turn of this tenant."""
        mine = self._waiting.wait(tenant_id)
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        await mine

    async def _serve(self) -> None:
        """Give turns while anybody waits, and then for one interval more."""
        while tenant_id := self._waiting.next_tenant:
            if self._waiting.give_turn(tenant_id):  # else its activity was cancelled meanwhile
                await asyncio.sleep(1 / self.per_second)
