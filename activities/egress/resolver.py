"""The operating system's resolver, shared among tenants.

A lookup blocks its thread until the system gives up, whether anybody still waits for it or not. So
the names of one tenant that never answer would take all threads. Three things keep them in bounds:
a tenant has a share of the threads, a name has one thread at most, and what took long to find out
is remembered for a while.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial

from cachetools import TTLCache

from activities.egress.resolver_threads import THREADS, ResolverThreads
from activities.egress.timing import deadline_paused
from activities.shares import NoRoomError

Resolver = Callable[[str, str], Awaitable[Sequence[str]]]
"""Returns the addresses of a host name for a tenant, which is the second argument."""

RESOLUTION_SECONDS = 5.0
"""How long a name may take once it has a thread."""

TURN_SECONDS = 5.0
"""How long an attempt waits for a thread. After that it is made later."""

LATER_SECONDS = 10.0

MAX_WAITING = 500
"""How many names of a tenant wait for a thread. They wait on if the attempt has left."""

LONG_SECONDS = 1.0
"""What a lookup found out is remembered if it took longer, the wait for its thread included."""

REMEMBERED_SECONDS = 30.0
MAX_REMEMBERED_ADDRESSES = 20_000


class NameResolutionError(Exception):
    """The name does not resolve. This is the receiver's fault."""


class ResolverBusyError(NoRoomError):
    """No thread was free to look up a name.

    This is not the receiver's fault, so the attempt is made again and not counted.
    """

    def __init__(self) -> None:
        super().__init__(LATER_SECONDS, THREADS)

    def __str__(self) -> str:
        return "slow names hold the tenant's share of the threads that look up names"


@dataclass(frozen=True)
class Resolution:
    """What was found out about a name: its addresses, or why there are none."""

    addresses: Sequence[str] = ()
    failure: str | None = None


@dataclass
class Lookup:
    """A name that is being looked up. From `deadline` on it counts as one that does not resolve."""

    has_thread: asyncio.Event = field(default_factory=asyncio.Event)
    deadline: float = 0.0
    resolution: asyncio.Future[Resolution] = field(default_factory=asyncio.Future)


Name = tuple[str, str]
"""Host and tenant. Tenants share no lookup, so none of them waits for another's turn."""


class SystemResolver:
    """Resolves names as the operating system does."""

    def __init__(self, threads: int = THREADS) -> None:
        self.threads = ResolverThreads(threads)
        self._under_way: dict[Name, Lookup] = {}
        self._remembered: TTLCache[Name, Resolution] = TTLCache(
            MAX_REMEMBERED_ADDRESSES,
            REMEMBERED_SECONDS,
            getsizeof=lambda resolution: 1 + len(resolution.addresses),
        )

    async def __call__(self, host: str, tenant_id: str) -> Sequence[str]:
        """Return the addresses of a name. An address is its own name, and needs no thread.

        Raises:
            NameResolutionError: the name does not resolve, or not in time.
            ResolverBusyError: there was no thread for it.
        """
        with suppress(ValueError):
            return [str(ipaddress.ip_address(host))]
        name = host, tenant_id
        if remembered := self._remembered.get(name):
            if remembered.failure:
                raise NameResolutionError(
                    f"{remembered.failure}; this took long, so the name is looked up only once in"
                    f" {REMEMBERED_SECONDS:g} s"
                )
            return remembered.addresses
        resolution = await self._looked_up(name)
        if resolution.failure:
            raise NameResolutionError(resolution.failure)
        return resolution.addresses

    async def _looked_up(self, name: Name) -> Resolution:
        """Join the lookup of this name, or begin it. It goes on if its callers leave.

        So an attempt that had to leave finds what was found out when it comes back.
        """
        lookup = self._under_way.get(name) or self._begin(name)
        try:
            with deadline_paused():
                async with asyncio.timeout(TURN_SECONDS):
                    await lookup.has_thread.wait()
        except TimeoutError:
            raise ResolverBusyError from None
        try:
            async with asyncio.timeout_at(lookup.deadline):
                return await asyncio.shield(lookup.resolution)
        except TimeoutError:
            raise NameResolutionError(
                f"the host name does not resolve within {RESOLUTION_SECONDS:g} s"
            ) from None

    def _begin(self, name: Name) -> Lookup:
        _, tenant_id = name
        if self.threads.waiting(tenant_id) >= MAX_WAITING:
            raise ResolverBusyError
        lookup = self._under_way[name] = Lookup()
        looking_up = self._look_up(name, lookup, self.threads.turn(tenant_id))
        # In a context of its own, for it may outlive the attempt that began it.
        lookup.resolution = asyncio.create_task(looking_up, context=Context())
        return lookup

    async def _look_up(self, name: Name, lookup: Lookup, turn: asyncio.Future[None]) -> Resolution:
        host, tenant_id = name
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await turn
            lookup.deadline = loop.time() + RESOLUTION_SECONDS
            lookup.has_thread.set()
            try:
                resolution = await self.threads.run(partial(_resolve, host))
            finally:
                self.threads.give_back(tenant_id)
        finally:
            del self._under_way[name]
        if loop.time() > began + LONG_SECONDS:
            self._remembered[name] = resolution
        return resolution


def _resolve(host: str) -> Resolution:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return Resolution(failure=f"the host name does not resolve: {error}")
    return Resolution([str(answer[4][0]) for answer in answers])
