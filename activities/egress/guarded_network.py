"""A network backend that resolves a name once, checks its addresses, and dials one of them.

DNS rebinding cannot succeed, because the address that was checked is the address that is dialled.
SNI, the Host header and certificate checks still use the name.
"""

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NoReturn

import httpcore

from activities.egress.staggered import first_to_connect, interleaved
from activities.egress.timing import name_resolved
from hookwright.security import Address, DestinationPolicy

Resolver = Callable[[str, int], Awaitable[list[str]]]

RESOLUTION_SECONDS = 5.0

VETTED_IN_A_TURN = 64
"""How many addresses are vetted before the event loop has its turn. An answer may have thousands,
and each takes some 5 microseconds."""

# getaddrinfo blocks a thread until the system's resolver gives up, even if its caller no longer
# waits. A separate pool keeps slow names from blocking the other threads of the process.
_RESOLVER_THREADS = ThreadPoolExecutor(max_workers=64, thread_name_prefix="resolver")


class BlockedDestinationError(Exception):
    """The name resolves to an address that webhooks may not be sent to."""


class ResolverBusyError(Exception):
    """No thread was free to look up a name.

    This is Hookwright's fault, so the attempt is made again and not counted.
    """


class NameResolutionError(Exception):
    """The name does not resolve."""


async def system_resolver(host: str, port: int) -> list[str]:
    """Resolve a name as the operating system does.

    Raises:
        NameResolutionError: the name does not resolve, or not in time.
        ResolverBusyError: other names hold all threads.
    """
    started = threading.Event()

    def look_up() -> list[Any]:
        started.set()
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)

    try:
        async with asyncio.timeout(RESOLUTION_SECONDS):
            answers = await asyncio.get_running_loop().run_in_executor(_RESOLVER_THREADS, look_up)
    except TimeoutError:
        if not started.is_set():
            raise ResolverBusyError("slow names hold all resolver threads") from None
        raise NameResolutionError(
            f"the host name does not resolve within {RESOLUTION_SECONDS:g} s"
        ) from None
    except (OSError, UnicodeError) as error:
        raise NameResolutionError(f"the host name does not resolve: {error}") from error
    return [str(answer[4][0]) for answer in answers]


@dataclass(frozen=True)
class GuardedStream(httpcore.AsyncNetworkStream):
    """A stream that is closed if its TLS handshake is cancelled. httpcore's own would leak it."""

    stream: httpcore.AsyncNetworkStream

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
    ) -> httpcore.AsyncNetworkStream:
        """Perform the TLS handshake."""
        try:
            return await self.stream.start_tls(ssl_context, server_hostname, timeout)
        except asyncio.CancelledError:
            await self.stream.aclose()
            raise

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> bytes:
        """Read the bytes that have arrived."""
        return await self.stream.read(max_bytes, timeout)

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> None:
        """Write the whole buffer."""
        await self.stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self.stream.aclose()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the signature is httpcore's
        """Return what httpcore asks about the socket."""
        return self.stream.get_extra_info(info)


@dataclass(frozen=True)
class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """A network backend that refuses a host if any of its addresses is forbidden."""

    policy: DestinationPolicy
    resolve: Resolver = system_resolver
    network: httpcore.AsyncNetworkBackend = field(default_factory=httpcore.AnyIOBackend)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve the host, check every address, then dial a few of them, staggered (RFC 8305).

        Raises:
            BlockedDestinationError: one of the addresses is forbidden.
            NameResolutionError: the name does not resolve.
            ResolverBusyError: other names hold all threads of the resolver.
            ConnectError: no address that was dialled accepts a connection.
        """
        addresses = interleaved(await self._checked_addresses(host, port))
        if not addresses:
            raise NameResolutionError("the host name has no address")

        async def dial(address: Address) -> httpcore.AsyncNetworkStream:
            return await self.network.connect_tcp(
                str(address), port, timeout, local_address, socket_options
            )

        return GuardedStream(await first_to_connect(addresses, dial))

    async def connect_unix_socket(self, *_: object, **__: object) -> NoReturn:
        """Refuse, because no webhook goes to a local socket."""
        raise BlockedDestinationError("unix sockets are not a destination")

    async def _checked_addresses(self, host: str, port: int) -> list[Address]:
        answers = list(dict.fromkeys(await self.resolve(host, port)))
        if answers != [host]:
            name_resolved()
        addresses: list[Address] = []
        for start in range(0, len(answers), VETTED_IN_A_TURN):
            if start:
                await asyncio.sleep(0)
            vetted = list(map(ipaddress.ip_address, answers[start : start + VETTED_IN_A_TURN]))
            # A forbidden address among public ones is an attack or a mistake: none of them is used.
            if not all(map(self.policy.allows, vetted)):
                raise BlockedDestinationError(
                    "the host resolves to an address that webhooks may not be sent to"
                )
            addresses += vetted
        return addresses
