"""What is seen of one POST on its way: how long each phase takes, and which headers are sent.

httpcore tells of both through its `trace` extension. Names are resolved within its connecting: the
network tells the stopwatch that runs in its task.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from hookwright.models import Timing

SENDING = "http11.send_request_headers.started"
PHASES = {
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
        """Note that a phase has ended, and another begins."""
        now = time.perf_counter()
        self._took[phase] = round((now - self._since) * 1000)
        self._since = now

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of what httpcore does: its events begin and end one after the other."""
        if event == SENDING:
            sent = info["request"].headers
            self.headers = {name.decode().lower(): value.decode() for name, value in sent}
        if phase := PHASES.get(event):
            self.stop(phase)
        elif event.endswith(".started"):
            self._since = time.perf_counter()


_running: ContextVar[PhaseTimer | None] = ContextVar("_running", default=None)


@contextmanager
def phase_timer() -> Iterator[PhaseTimer]:
    """Run a stopwatch in this task while the context lasts."""
    it = PhaseTimer()
    before = _running.set(it)
    try:
        yield it
    finally:
        _running.reset(before)


def resolved() -> None:
    """Note that this task's POST has its addresses."""
    if running := _running.get():
        running.stop("dns_ms")
