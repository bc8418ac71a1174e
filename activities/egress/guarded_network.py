"""The network as egress sees it: a name is resolved once, vetted, and dialled as vetted.

DNS rebinding has nothing to flip: the address that was checked is the address that is dialled,
while SNI, Host and certificate checks keep the name.
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

from activities.egress.timing import resolved
from hookwright.security import Address, DestinationPolicy

Resolver = Callable[[str, int], Awaitable[list[str]]]

RESOLUTION_SECONDS = 5.0
PIECE_BYTES = 16_384

# getaddrinfo blocks a thread until the system's resolver gives up, whoever waits for it or not. A
# pool of our own keeps slow names from starving the rest of the process.
_RESOLVER_THREADS = ThreadPoolExecutor(max_workers=64, thread_name_prefix="resolver")


class BlockedDestinationError(Exception):
    """The name resolves to an address that webhooks may not be sent to."""


class ResolverBusyError(Exception):
    """A name could not even be looked up. Our fault: the attempt is made again, and not counted."""


class NameResolutionError(Exception):
    """The name does not resolve."""


async def system_resolver(host: str, port: int) -> list[str]:
    """Resolve a name as the operating system does.

    Raises:
        NameResolutionError: it does not resolve, or not in time.
        ResolverBusyError: other names hold all threads; no fault of this one.
    """
    begun = threading.Event()

    def look_up() -> list[Any]:
        begun.set()
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)

    try:
        async with asyncio.timeout(RESOLUTION_SECONDS):
            answers = await asyncio.get_running_loop().run_in_executor(_RESOLVER_THREADS, look_up)
    except TimeoutError:
        if not begun.is_set():
            raise ResolverBusyError("slow names hold all resolver threads") from None
        raise NameResolutionError(
            f"the host name does not resolve within {RESOLUTION_SECONDS:g} s"
        ) from None
    except (OSError, UnicodeError) as error:
        raise NameResolutionError(f"the host name does not resolve: {error}") from error
    return [str(answer[4][0]) for answer in answers]


@dataclass(frozen=True)
class GuardedStream(httpcore.AsyncNetworkStream):
    """A stream that is closed when its TLS handshake is cut short; httpcore's own leaks it."""

    stream: httpcore.AsyncNetworkStream

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
    ) -> httpcore.AsyncNetworkStream:
        """Shake hands."""
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
        """Read what has come, in pieces that are parsed quickly: nothing else runs meanwhile."""
        return await self.stream.read(min(max_bytes, PIECE_BYTES), timeout)

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> None:
        """Write all of it."""
        await self.stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self.stream.aclose()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the signature is httpcore's
        """Tell of the socket what httpcore asks."""
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
        """Resolve, vet every answer, then dial them in turn."""
        failure: httpcore.ConnectError | None = None
        for address in await self._vetted(host, port):
            try:
                stream = await self.network.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
                return GuardedStream(stream)
            except httpcore.ConnectError as error:
                failure = error
        raise failure or NameResolutionError("the host name has no address")

    async def connect_unix_socket(self, *_: object, **__: object) -> NoReturn:
        """Refuse: no webhook goes to a local socket."""
        raise BlockedDestinationError("unix sockets are not a destination")

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore asks between its own retries (which are off)."""
        await self.network.sleep(seconds)

    async def _vetted(self, host: str, port: int) -> list[Address]:
        addresses = [
            ipaddress.ip_address(answer) for answer in dict.fromkeys(await self.resolve(host, port))
        ]
        if host not in map(str, addresses):
            resolved()
        # One forbidden answer among public ones is an attack or a mistake, never a fallback.
        if not all(map(self.policy.allows, addresses)):
            raise BlockedDestinationError(
                "the host resolves to an address that webhooks may not be sent to"
            )
        return addresses
