"""Names of which some never answer, in place of the operating system's."""

import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from activities.egress import resolver
from support.waiting import assert_eventually


class Names:
    """All names lead to loopback. Those with "hang" in them answer once the test says so."""

    def __init__(self) -> None:
        self.asked = Counter[str]()
        self.hanging = 0
        self.answer = threading.Event()
        self._lock = threading.Lock()

    def getaddrinfo(self, host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        with self._lock:
            self.asked[host] += 1
        if "hang" in host:
            with self._lock:
                self.hanging += 1
            self.answer.wait()
            with self._lock:
                self.hanging -= 1
        if "unknown" in host:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]


@asynccontextmanager
async def names_of_the_world() -> AsyncIterator[Names]:
    """Let the resolver find these names while the context lasts. In the end all of them answer."""
    it = Names()
    system = SimpleNamespace(getaddrinfo=it.getaddrinfo, SOCK_STREAM=socket.SOCK_STREAM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolver, "socket", system)
        try:
            yield it
        finally:
            it.answer.set()
            await assert_eventually(lambda: not it.hanging)
