"""A network that resolves a name once, checks its addresses, and dials one of them.

DNS rebinding cannot succeed, because the address that was checked is the address that is dialled.
SNI, the Host header and certificate checks still use the name.
"""

import asyncio
import ipaddress
import ssl
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpcore

from activities.egress.resolver import NameResolutionError, Resolver, SystemResolver
from activities.egress.staggered import first_to_connect, interleaved
from activities.egress.timing import name_resolved
from hookwright.security import Address, DestinationPolicy

VETTED_IN_A_TURN = 64
"""How many addresses are vetted before the event loop has its turn. An answer may have thousands,
and each takes some 5 microseconds."""


class BlockedDestinationError(Exception):
    """The name resolves to an address that webhooks may not be sent to."""


class Network(Protocol):
    """The way to receivers."""

    async def connect(self, tenant_id: str, host: str, port: int) -> httpcore.AsyncNetworkStream:
        """Open a connection for a tenant."""


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
class GuardedNetwork:
    """A network that refuses a host if any of its addresses is forbidden."""

    policy: DestinationPolicy
    resolve: Resolver = field(default_factory=SystemResolver)
    network: httpcore.AsyncNetworkBackend = field(default_factory=httpcore.AnyIOBackend)

    async def connect(self, tenant_id: str, host: str, port: int) -> httpcore.AsyncNetworkStream:
        """Resolve the host, check every address, then dial a few of them, staggered (RFC 8305).

        Raises:
            BlockedDestinationError: one of the addresses is forbidden.
            NameResolutionError: the name does not resolve.
            ResolverBusyError: no thread was free to look up the name.
            ConnectError: no address that was dialled accepts a connection.
        """
        addresses = interleaved(await self._checked_addresses(tenant_id, host))
        if not addresses:
            raise NameResolutionError("the host name has no address")

        async def dial(address: Address) -> httpcore.AsyncNetworkStream:
            return await self.network.connect_tcp(str(address), port)

        return GuardedStream(await first_to_connect(addresses, dial))

    async def _checked_addresses(self, tenant_id: str, host: str) -> list[Address]:
        answers = list(dict.fromkeys(await self.resolve(host, tenant_id)))
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
