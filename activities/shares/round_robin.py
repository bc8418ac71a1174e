"""Who waits for a turn: tenants one after the other, and those of a tenant in their order."""

import asyncio
from collections import deque


class RoundRobin:
    """Futures that wait for a turn, by tenant. A tenant that had a turn goes behind all others."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def tenants(self) -> list[str]:
        """The tenants that wait, the next one first."""
        return list(self._waiting)

    @property
    def next_tenant(self) -> str | None:
        """The tenant whose turn is next, or None if nobody waits."""
        return next(iter(self._waiting), None)

    def number(self, tenant_id: str) -> int:
        """Return how many of a tenant wait."""
        return len(self._waiting.get(tenant_id, ()))

    def wait(self, tenant_id: str) -> asyncio.Future[None]:
        """Return a new future that waits behind those of its tenant."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant_id, deque()).append(turn)
        return turn

    def give_turn(self, tenant_id: str) -> bool:
        """Give the next turn to a tenant that waits; return False if none of it still waits.

        Those that were cancelled cost their tenant no round.
        """
        turns, given = self._waiting.pop(tenant_id), False
        while turns and not given:
            turn = turns.popleft()
            if not turn.done():
                turn.set_result(None)
                given = True
        if turns:
            self._waiting[tenant_id] = turns
        return given
