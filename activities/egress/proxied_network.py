"""A network behind an egress proxy: every connection is a CONNECT tunnel, also for http.

The proxy resolves names and decides which addresses may be dialled. The text of a URL is still
checked before: its scheme, its port, internal names, and an address in place of a name.
"""

import base64
import ssl
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self
from urllib.parse import unquote, urlsplit

import h11
import httpcore
import structlog

from activities.egress.guarded_network import BlockedDestinationError, GuardedStream

REFUSALS = (HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)
"""How a proxy says that a destination is not allowed: Squid with 403, smokescreen with 407."""

SUCCESSES = range(200, 300)
READ_BYTES = 4_096

log = structlog.get_logger(__name__)


class ProxyUnreachableError(Exception):
    """There is no connection to the proxy.

    This is Hookwright's fault, so the attempt is made again and not counted.
    """


@dataclass(frozen=True)
class Proxy:
    """The address of the proxy, whether it uses TLS, and its `Proxy-Authorization` header."""

    host: str
    port: int
    tls: bool = False
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the proxy of `http://host:port` or `https://user:password@host:port`.

        Raises:
            ValueError: the URL has another form. The text never repeats the URL, because it may
                hold a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("write it as http://host:port") from None
        unexpected_parts = (parts.path.strip("/"), parts.query, parts.fragment)
        if parts.scheme not in ("http", "https") or not parts.hostname or any(unexpected_parts):
            raise ValueError("write it as http://host:port")
        authorization = None
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = "Basic " + base64.b64encode(credentials.encode()).decode()
        tls = parts.scheme == "https"
        return cls(parts.hostname, port or (443 if tls else 80), tls, authorization)


@dataclass(frozen=True)
class ProxiedNetwork:
    """A network that reaches every host through the proxy.

    httpcore's own proxy support keeps a tunnel in its pool for ever after a failed handshake, and
    reads a proxy's answer to plain http as the receiver's answer.
    """

    proxy: Proxy
    ssl_context: ssl.SSLContext
    network: httpcore.AsyncNetworkBackend = field(default_factory=httpcore.AnyIOBackend)

    async def connect(
        self,
        tenant_id: str,  # noqa: ARG002 - the proxy resolves names, so there is no share to take
        host: str,
        port: int,
    ) -> httpcore.AsyncNetworkStream:
        """Open a tunnel to the host.

        Raises:
            ProxyUnreachableError: there is no connection to the proxy; nothing was sent.
            BlockedDestinationError: the proxy does not allow the destination.
            ConnectError: the proxy cannot reach the destination.
        """
        try:
            stream: httpcore.AsyncNetworkStream = GuardedStream(
                await self.network.connect_tcp(self.proxy.host, self.proxy.port)
            )
            if self.proxy.tls:
                # Guarded again, because a second handshake follows in the tunnel: the receiver's.
                stream = GuardedStream(await stream.start_tls(self.ssl_context, self.proxy.host))
        except httpcore.ConnectError as error:
            raise ProxyUnreachableError(f"the egress proxy cannot be reached: {error}") from error
        try:
            await self._open_tunnel(stream, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except BaseException:
            await stream.aclose()
            raise
        return stream

    async def _open_tunnel(self, stream: httpcore.AsyncNetworkStream, target: str) -> None:
        headers = [("Host", target)]
        if self.proxy.authorization:
            headers.append(("Proxy-Authorization", self.proxy.authorization))
        request = h11.Request(method="CONNECT", target=target, headers=headers)
        connection = h11.Connection(h11.CLIENT)
        await stream.write(connection.send(request) or b"")
        try:
            while not isinstance(answer := connection.next_event(), h11.Response):
                if answer is h11.NEED_DATA:
                    connection.receive_data(await stream.read(READ_BYTES))
        except h11.RemoteProtocolError as error:
            raise httpcore.ConnectError(f"the egress proxy does not speak HTTP: {error}") from None
        if answer.status_code in REFUSALS:
            log.warning("egress.proxy_refused", status_code=answer.status_code)
            raise BlockedDestinationError(f"the egress proxy refused: {answer.status_code}")
        if answer.status_code not in SUCCESSES:
            raise httpcore.ConnectError(f"the egress proxy answered {answer.status_code}")
