"""The system's resolver: a slow name is not mistaken for a lack of free threads."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from activities.egress import guarded_network
from activities.egress.guarded_network import (
    NameResolutionError,
    ResolverBusyError,
    system_resolver,
)


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch):
    """One resolver thread, and names that resolve once the fixture is torn down."""
    gate = threading.Event()
    threads = ThreadPoolExecutor(max_workers=1)
    monkeypatch.setattr(guarded_network, "_RESOLVER_THREADS", threads)
    monkeypatch.setattr(guarded_network, "RESOLUTION_SECONDS", 0.1)
    monkeypatch.setattr(guarded_network.socket, "getaddrinfo", lambda *_, **__: gate.wait(20))
    yield
    gate.set()
    threads.shutdown()


@pytest.mark.usefixtures("stuck")
async def test_slow_name_and_busy_threads():
    """A name that takes too long does not resolve; one that had no thread is our own fault."""
    with pytest.raises(NameResolutionError):
        await system_resolver("slow.example.com", 443)
    with pytest.raises(ResolverBusyError):
        await system_resolver("other.example.com", 443)
