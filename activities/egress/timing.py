"""Measurement of one POST: how long each phase takes, and which headers are sent.

httpcore reports both through its `trace` extension. It does not report the resolution of names,
which is part of connecting, so the network backend reports that to the timer of its task.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from hookwright.models import Timing

SENDING_HEADERS_EVENT = "http11.send_request_headers.started"
PHASES_BY_EVENT = {
    "connection.connect_tcp.complete": "connect_ms",
    "connection.start_tls.complete": "tls_ms",
    "http11.receive_response_headers.complete": "first_byte_ms",
}


class PhaseTimer:
    """Measures one POST; a phase that did not happen, or did not end, has no time."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self._since = time.perf_counter()
        self._took: dict[str, int] = {}

    @property
    def timing(self) -> Timing:
        """How long the phases took."""
        return Timing(**self._took)

    def stop(self, phase: str) -> None:
        """Note that a phase has ended and the next one begins."""
        now = time.perf_counter()
        self._took[phase] = round((now - self._since) * 1000)
        self._since = now

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Record an event of httpcore. Its phases do not overlap."""
        if event == SENDING_HEADERS_EVENT:
            sent = info["request"].headers
            self.headers = {name.decode().lower(): value.decode() for name, value in sent}
        if phase := PHASES_BY_EVENT.get(event):
            self.stop(phase)
        elif event.endswith(".started"):
            self._since = time.perf_counter()


_current_timer: ContextVar[PhaseTimer | None] = ContextVar("_current_timer", default=None)


@contextmanager
def phase_timer() -> Iterator[PhaseTimer]:
    """Run a timer in this task while the context lasts."""
    timer = PhaseTimer()
    token = _current_timer.set(timer)
    try:
        yield timer
    finally:
        _current_timer.reset(token)


def name_resolved() -> None:
    """Note that the host name of this task's POST is resolved."""
    if timer := _current_timer.get():
        timer.stop("dns_ms")
