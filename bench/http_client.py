"""The HTTP client of the benchmarks, for hundreds of requests at once.

httpx's pool compares all its requests with all its connections whenever one of them ends. At a
hundred of each that took a core of the machine, which the site was then missing, and delayed what
was measured in the same process. So each request has a transport of its own here.
"""

from contextlib import AbstractAsyncContextManager

import httpx

REQUEST_TIMEOUT_SECONDS = 30.0


class OneForEachRequest(httpx.AsyncBaseTransport):
    """A transport for each request that is under way, kept with its connection for a later one."""

    def __init__(self) -> None:
        self._idle: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the answer with its whole body."""
        transport = self._idle.pop() if self._idle else _transport()
        try:
            answer = await transport.handle_async_request(request)
            content = await answer.aread()
        except BaseException:
            await transport.aclose()
            raise
        self._idle.append(transport)
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._idle:
            await transport.aclose()


def client_of(
    base_url: httpx.URL | str, headers: httpx.Headers | dict[str, str]
) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """Open a client of an API without TLS."""
    return httpx.AsyncClient(
        transport=OneForEachRequest(),
        base_url=base_url,
        headers=headers,
        timeout=REQUEST_TIMEOUT_SECONDS,
    )


def _transport() -> httpx.AsyncHTTPTransport:
    # Without `verify` it would read the system's certificates, for 20 ms.
    return httpx.AsyncHTTPTransport(verify=False, trust_env=False)
