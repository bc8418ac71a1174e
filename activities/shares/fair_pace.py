"""A pace that a worker keeps for all, with turns that go round among the tenants."""

import asyncio
from collections import deque
from dataclasses import dataclass, field


@dataclass
class FairPace:
    """Lets so many pass a second, those of each tenant in order, and one of each tenant in turn.

    A tenant with many that wait delays another's by one each round.
    """

    per_second: float
    _waiting: dict[str, deque[asyncio.Future[None]]] = field(default_factory=dict)
    _serving: asyncio.Task[None] | None = None

    async def turn(self, tenant_id: str) -> None:
        """Wait for a turn of this tenant."""
        mine = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant_id, deque()).append(mine)
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        await mine

    async def _serve(self) -> None:
        """Give turns while anybody waits, and then for one interval more."""
        while self._waiting:
            tenant_id = next(iter(self._waiting))
            waiting = self._waiting.pop(tenant_id)
            turn = waiting.popleft()
            if waiting:
                self._waiting[tenant_id] = waiting  # behind the other tenants
            if not turn.done():  # else its activity was cancelled meanwhile
                turn.set_result(None)
                await asyncio.sleep(1 / self.per_second)
