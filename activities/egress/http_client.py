"""The HTTP client for tenants' URLs. No other code opens a connection to them.

It sends httpx's requests over a transport of our own, which keeps connections by tenant and origin
(docs/decisions/0004-egress.md).
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from threading import Lock
from typing import Self
from urllib.parse import urlsplit

import httpx
from cachetools import LRUCache

from activities.egress.certificate_dates import DatingSSLObject
from activities.egress.error_texts import (
    MAX_ERROR_BYTES,
    clip,
    is_lack_of_files,
    outcome_of,
    sentence_of,
)
from activities.egress.guarded_network import GuardedNetwork
from activities.egress.idle_connections import MAX_IDLE
from activities.egress.proxied_network import ProxiedNetwork, Proxy, ProxyUnreachableError
from activities.egress.resolver import Resolver, ResolverBusyError, SystemResolver
from activities.egress.timing import PhaseTimer, phase_timer
from activities.egress.transport import ReceiverTransport
from activities.shares import NoRoomError
from hookwright.models import Timing
from hookwright.outcomes import Outcome
from hookwright.security import ClientIdentity, DestinationPolicy, load_identity

MAX_READ_BYTES = 65_536
MAX_STORED_BODY_BYTES = 4_096
MAX_RETRY_AFTER_BYTES, MAX_LOCATION_BYTES = 128, 512
MAX_TLS_CONTEXTS = 64
"""How many TLS contexts of client certificates are cached. With the system's authorities each takes
1 MB of memory, and 40 ms to make."""

WITHOUT_FILES_SECONDS = 10.0
"""When an attempt is made again for which no connection could be opened."""

FIRST_SUCCESS, FIRST_NON_SUCCESS = 200, 300


class TooManyFilesError(NoRoomError):
    """This process may open no more sockets. That is Hookwright's fault, not the receiver's."""

    def __init__(self) -> None:
        super().__init__(WITHOUT_FILES_SECONDS, MAX_IDLE)

    def __str__(self) -> str:
        return "the worker may open no more files (ulimit -n)"


@dataclass(frozen=True)
class Answer:
    """The result of one POST: the receiver's answer, or why there is none, and its timing.

    `sent` are the request's headers, including secrets, and `received` those of the answer. They
    are empty if there are none. `sent_body` is None if the request was not sent.
    """

    outcome: Outcome
    status_code: int | None = None
    body: str | None = None
    error: str | None = None
    retry_after: str | None = None
    timing: Timing = field(default_factory=Timing)
    sent: Mapping[str, str] = field(default_factory=dict, repr=False)
    received: Mapping[str, str] = field(default_factory=dict, repr=False)
    sent_body: bytes | None = field(default=None, repr=False)


@dataclass
class Reply:
    """A receiver's reply, as far as it has come."""

    status_code: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    content: bytearray = field(default_factory=bytearray)

    def answer(self) -> Answer:
        """Return the answer of a complete reply."""
        if FIRST_SUCCESS <= (self.status_code or 0) < FIRST_NON_SUCCESS:
            return self._answer(Outcome.DELIVERED, None)
        return self._answer(Outcome.HTTP_ERROR, self._text_of_status())

    def failed(self, outcome: Outcome, error: str) -> Answer:
        """Return the answer of an exchange that failed, perhaps in the middle of its reply."""
        if self.status_code is not None:
            error = f"the receiver answered {self.status_code}, but: {error}"
        return self._answer(outcome, error)

    def _answer(self, outcome: Outcome, error: str | None) -> Answer:
        body = self.content.decode(errors="replace") if self.status_code else None
        return Answer(
            outcome,
            status_code=self.status_code,
            body=None if body is None else clip(body, MAX_STORED_BODY_BYTES),
            error=error and clip(error, MAX_ERROR_BYTES),
            retry_after=self._header("retry-after", MAX_RETRY_AFTER_BYTES),
            received={name: clip(value, MAX_ERROR_BYTES) for name, value in self.headers.items()},
        )

    def _text_of_status(self) -> str:
        text = f"the receiver answered {self.status_code}"
        location = self._header("location", MAX_LOCATION_BYTES)
        return f"{text}, a redirect to {location}, which is not followed" if location else text

    def _header(self, name: str, limit: int) -> str | None:
        values = self.headers.get_list(name)
        return values[0][:limit] if values else None


@dataclass(frozen=True)
class Egress:
    """Posts to receivers within a deadline, and classifies the result.

    With a `proxy`, the proxy decides which addresses may be dialled. The certificate `authorities`
    (PEM) are trusted in addition to the system's.
    """

    policy: DestinationPolicy
    resolve: Resolver = field(default_factory=SystemResolver)
    proxy: Proxy | None = None
    authorities: str | None = None
    transport: ReceiverTransport = field(init=False)
    _contexts: LRUCache[bytes, ssl.SSLContext] = field(
        default_factory=lambda: LRUCache(MAX_TLS_CONTEXTS), init=False
    )
    _contexts_lock: Lock = field(default_factory=Lock, init=False)

    def __post_init__(self) -> None:
        context = tls_context(self.authorities)
        network = (
            ProxiedNetwork(self.proxy, context)
            if self.proxy
            else GuardedNetwork(self.policy, self.resolve)
        )
        # No httpx client: of what it does (redirects, cookies, the environment) nothing is wanted.
        object.__setattr__(self, "transport", ReceiverTransport(network, context))

    async def __aenter__(self) -> Self:
        await self.transport.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.transport.aclose()

    async def post(  # noqa: PLR0913 - what a POST is
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        timeout_seconds: float,
        identity: ClientIdentity | None = None,
        tenant_id: str = "",
    ) -> Answer:
        """POST the body and return the answer.

        The timeout covers the whole exchange, from the name's resolution to the last byte, but not
        the wait for a thread that resolves it. With an identity the connection is used for this
        POST only, because another endpoint must not use a connection that shows this identity.

        Raises:
            ResolverBusyError: no thread was free to look up the name; nothing was sent.
            TooManyFilesError: no connection could be opened; nothing was sent.
            ProxyUnreachableError: Hookwright's proxy cannot be reached; nothing was sent.
        """
        try:
            url = self.policy.check_url(url)
        except ValueError as refusal:
            return Answer(Outcome.BLOCKED_DESTINATION, error=str(refusal))
        reply = Reply()
        with phase_timer() as timer:
            try:
                async with asyncio.timeout(timeout_seconds) as timer.deadline:
                    context = await self._own_context(url, identity)
                    request = _request(url, headers, body, tenant_id, timer, context)
                    await self._exchange(request, reply)
                answer = reply.answer()
            except (ResolverBusyError, ProxyUnreachableError):
                raise
            except Exception as error:  # noqa: BLE001 - every failure is classified as an outcome
                if is_lack_of_files(error):
                    raise TooManyFilesError from None
                answer = reply.failed(outcome_of(error), sentence_of(error, timeout_seconds))
        sent_body = body if timer.headers else None
        return replace(answer, timing=timer.timing, sent=timer.headers, sent_body=sent_body)

    async def _exchange(self, request: httpx.Request, reply: "Reply") -> None:
        """Send a request, and note its reply as it comes."""
        response = await self.transport.handle_async_request(request)
        try:
            reply.status_code = response.status_code
            reply.headers = response.headers
            async for piece in response.aiter_raw():
                reply.content += piece
                if len(reply.content) > MAX_READ_BYTES:
                    break
        finally:
            await response.aclose()

    async def _own_context(
        self, url: str, identity: ClientIdentity | None
    ) -> ssl.SSLContext | None:
        """Return the TLS context that shows an identity; None for the common one."""
        if identity is None or url.startswith("http:"):
            return None
        return await asyncio.to_thread(self._context_with, identity)

    def _context_with(self, identity: ClientIdentity) -> ssl.SSLContext:
        digest = sha256(identity.model_dump_json().encode()).digest()
        with self._contexts_lock:
            context = self._contexts.get(digest)
            if context is None:
                context = tls_context(self.authorities)
                load_identity(context, identity)
                self._contexts[digest] = context
            return context


def _request(  # noqa: PLR0913 - what a request is
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    tenant_id: str,
    timer: PhaseTimer,
    context: ssl.SSLContext | None,
) -> httpx.Request:
    """Return the request, whose target is the URL's path and query to the letter."""
    parts = urlsplit(url)
    target = url.partition("://")[2][len(parts.netloc) :]
    default_port = ":443" if parts.scheme == "https" else ":80"
    sent = httpx.Headers({"host": parts.netloc.removesuffix(default_port), "accept": "*/*"})
    sent.update(headers)
    return httpx.Request(
        "POST",
        f"{parts.scheme}://{parts.netloc}/",
        headers=sent,
        content=body,
        extensions={
            "tenant_id": tenant_id,
            "target": (target if target.startswith("/") else f"/{target}").encode(),
            "timer": timer,
            "ssl_context": context,
        },
    )


def tls_context(authorities: str | None = None) -> ssl.SSLContext:
    """Return the TLS context that verifies receivers.

    It trusts the system's authorities, and the given `authorities` (PEM) as well.

    Raises:
        ssl.SSLError: `authorities` holds no certificate, or an invalid one.
    """
    context = ssl.create_default_context()
    context.hostname_checks_common_name = False
    context.sslobject_class = DatingSSLObject
    if authorities is not None:
        context.load_verify_locations(cadata=authorities)
    return context
