"""The threads that look up names, shared among tenants."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
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

    async def run(self, function: Callable[[], Result]) -> Result:
        """Run a function in a thread. The caller holds one."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)

    @asynccontextmanager
    async def held_by(self, tenant_id: str) -> AsyncIterator[None]:
        """Hold a thread for a tenant within this context, once it is the tenant's turn."""
        # After each change nobody waits who may take a thread. So a newcomer passes nobody.
        if tenant_id not in self._waiting and self._may_take(tenant_id):
            self._take(tenant_id)
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(tenant_id, deque()).append(turn)
            await turn
        try:
            yield
        finally:
            self._give_back(tenant_id)

    def _may_take(self, tenant_id: str) -> bool:
        return 3 * self.held[tenant_id] < self.free

    def _take(self, tenant_id: str) -> None:
        self.free -= 1
        self.held[tenant_id] += 1

    def _give_back(self, tenant_id: str) -> None:
        self.free += 1
        self.held[tenant_id] -= 1
        if not self.held[tenant_id]:
            del self.held[tenant_id]
        for waiting in [*self._waiting]:
            if self._may_take(waiting):
                self._give_turn(waiting)

    def _give_turn(self, tenant_id: str) -> None:
        """Let the lookup that waits longest begin, and put its tenant behind all others."""
        turns = self._waiting.pop(tenant_id)
        turn = turns.popleft()
        if turns:
            self._waiting[tenant_id] = turns
        if not turn.done():  # or cancelled, as the event loop ends
            self._take(tenant_id)
            turn.set_result(None)
