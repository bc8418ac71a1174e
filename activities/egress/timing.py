"""Measurement of one POST: how long each phase takes, which headers are sent, when it must end.

The transport reports the phases to the timer of its request. The network backend, which resolves
names, finds the timer of its task.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from hookwright.models import Timing


class PhaseTimer:
    """Measures one POST; a phase that did not happen, or did not end, has no time."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.deadline: asyncio.Timeout | None = None
        self._since = time.perf_counter()
        self._took: dict[str, int] = {}

    @property
    def timing(self) -> Timing:
        """How long the phases took."""
        return Timing(**self._took)

    def restart(self) -> None:
        """Note that a phase begins."""
        self._since = time.perf_counter()

    def stop(self, phase: str) -> None:
        """Note that a phase has ended and the next one begins."""
        now = time.perf_counter()
        self._took[phase] = round((now - self._since) * 1000)
        self._since = now

    def sends(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Note the headers that are sent, and that the wait for the reply begins."""
        self.headers = {name.decode().lower(): value.decode() for name, value in headers}
        self.restart()


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


@contextmanager
def deadline_paused() -> Iterator[None]:
    """Keep the time within this context out of this task's POST: its receiver has no part in it."""
    timer = _current_timer.get()
    deadline = timer.deadline if timer else None
    ends_at = deadline.when() if deadline else None
    if timer is None or deadline is None or ends_at is None:
        yield
        return
    loop = asyncio.get_running_loop()
    began = loop.time()
    deadline.reschedule(None)
    try:
        yield
    finally:
        deadline.reschedule(ends_at + loop.time() - began)
        timer.restart()
