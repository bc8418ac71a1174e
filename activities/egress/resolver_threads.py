"""The threads that look up names, shared among tenants."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def waiting(self, tenant_id: str) -> int:
        """Return how many lookups of a tenant wait for a thread."""
        return len(self._waiting.get(tenant_id, ()))

    def turn(self, tenant_id: str) -> asyncio.Future[None]:
        """Return a future that is done once the tenant holds a thread, until it gives it back."""
        turn = asyncio.get_running_loop().create_future()
        # After each change nobody waits who may take a thread. So a newcomer passes nobody.
        if tenant_id not in self._waiting and self._may_take(tenant_id):
            self._take(tenant_id)
            turn.set_result(None)
        else:
            self._waiting.setdefault(tenant_id, deque()).append(turn)
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
        for waiting in [*self._waiting]:
            if self._may_take(waiting):
                self._give_turn(waiting)

    def _may_take(self, tenant_id: str) -> bool:
        return 3 * self.held[tenant_id] < self.free

    def _take(self, tenant_id: str) -> None:
        self.free -= 1
        self.held[tenant_id] += 1

    def _give_turn(self, tenant_id: str) -> None:
        """Let the lookup that waits longest begin, and put its tenant behind all others."""
        turns = self._waiting.pop(tenant_id)
        turn = turns.popleft()
        if turns:
            self._waiting[tenant_id] = turns
        if not turn.done():  # or cancelled, as the event loop ends
            self._take(tenant_id)
            turn.set_result(None)
