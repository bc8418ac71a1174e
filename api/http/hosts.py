"""Which hosts the API answers to.

A browser page of another site can make its own name resolve to this machine (DNS rebinding). Then
the browser takes the API for that site, and its script may read every answer. Its requests still
name that site as `Host`, so an API that answers only its own names is not reached.
"""

import re
from collections.abc import Collection
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.errors import Problem, answer

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]*)?", re.IGNORECASE)

PROBES = ("/healthz", "/readyz")
"""Load balancers and Kubernetes call them by an address that no setting could name beforehand.
Their answers hold nothing that a stranger may not read."""


def host_name(authority: str) -> str | None:
    """Return the host of a `Host` header in lower case, without its port; None if it is none."""
    match = HOST.fullmatch(authority)
    return match[1].lower() if match else None


class AllowedHosts:
    """ASGI middleware that answers 421 to a request for another host. The port does not count."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request for one of the hosts, and refuse any other."""
        allowed = scope["type"] == "lifespan" or scope["path"] in PROBES
        if not allowed:
            # A request with several would be for one host here, and for another one elsewhere.
            given = Headers(scope=scope).getlist("host")
            allowed = len(given) == 1 and host_name(given[0]) in self.hosts
        await (self.app if allowed else answer(MISDIRECTED))(scope, receive, send)


MISDIRECTED = Problem(
    HTTPStatus.MISDIRECTED_REQUEST,
    "unknown-host",
    "this API does not answer to the host that the request names;"
    " HOOKWRIGHT_ALLOWED_HOSTS lists those that it answers to",
)
