"""The threads that look up names, shared among tenants."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from activities.shares import RoundRobin

THREADS = 64

Result = TypeVar("Result")


class ResolverThreads:
    """Threads of which a tenant may take one more while it holds less than a third of the free.

    Alone it gets a quarter of all. The more tenants hold threads, the fewer each of them gets, and
    one that holds none gets the next one.
    """

    def __init__(self, threads: int = THREADS) -> None:
        # A pool of its own: names that never answer must not block the process's other threads.
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="resolver")
        self.free = threads
        self.held = Counter[str]()
        self._waiting = RoundRobin()

    def waiting(self, tenant_id: str) -> int:
        """Return how many lookups of a tenant wait for a thread."""
        return self._waiting.number(tenant_id)

    def turn(self, tenant_id: str) -> asyncio.Future[None]:
        """Return a future that is done once the tenant holds a thread, until it gives it back."""
        is_first = not self._waiting.number(tenant_id)
        turn = self._waiting.wait(tenant_id)
        # After each change nobody waits who may take a thread. So a newcomer passes nobody.
        if is_first and self._may_take(tenant_id):
            self._give_turn(tenant_id)
        return turn

    async def run(self, function: Callable[[], Result]) -> Result:
        """Run a function in the thread that the caller's tenant holds."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)

    def give_back(self, tenant_id: str) -> None:
        """Give a thread back, and pass it on to those who wait."""
        self.free += 1
        self.held[tenant_id] -= 1
        if not self.held[tenant_id]:
            del self.held[tenant_id]
        for waiting in self._waiting.tenants:
            if self._may_take(waiting):
                self._give_turn(waiting)

    def _may_take(self, tenant_id: str) -> bool:
        return 3 * self.held[tenant_id] < self.free

    def _give_turn(self, tenant_id: str) -> None:
        """Let the lookup that waits longest begin, and put its tenant behind all others."""
        if self._waiting.give_turn(tenant_id):  # else it was cancelled, as the event loop ends
            self.free -= 1
            self.held[tenant_id] += 1
