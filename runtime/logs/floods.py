"""A bound on repeated log lines: whoever can cause a warning can cause a million of them."""

import logging
import time
from dataclasses import dataclass

MAX_LINES = 20
"""How many warnings or errors of one kind are written within WINDOW_SECONDS."""

WINDOW_SECONDS = 10.0


@dataclass
class FloodWindow:
    """The lines of one kind since some time."""

    since: float
    lines: int = 0


class FloodFilter(logging.Filter):
    """Leaves out warnings and errors beyond MAX_LINES of one kind, and tells how many.

    A kind is an event of ours with the type of its exception, or a line of a library's source. Both
    are bounded in number. Lines below a warning tell what was done, and are all written.
    """

    def __init__(self) -> None:
        super().__init__()
        self._windows: dict[object, FloodWindow] = {}

    def forget(self) -> None:
        """Begin anew."""
        self._windows.clear()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is written."""
        if record.levelno < logging.WARNING:
            return True
        now = time.monotonic()
        kind = _kind(record)
        window = self._windows.setdefault(kind, FloodWindow(now))
        if now >= window.since + WINDOW_SECONDS:
            if window.lines > MAX_LINES:
                _add(record, lines_left_out=window.lines - MAX_LINES)
            window = self._windows[kind] = FloodWindow(now)
        window.lines += 1
        if window.lines == MAX_LINES:
            _add(record, more_left_out_for_seconds=round(window.since + WINDOW_SECONDS - now, 1))
        return window.lines <= MAX_LINES


def _kind(record: logging.LogRecord) -> object:
    if not isinstance(record.msg, dict):  # a library's
        return record.name, record.levelno, record.pathname, record.lineno
    error = record.msg.get("exc_info")
    return record.name, record.levelno, record.msg.get("event"), type(error)


def _add(record: logging.LogRecord, **fields: float) -> None:
    """Add fields to a line of ours, or their text to a library's."""
    if isinstance(record.msg, dict):
        record.msg = {**record.msg, **fields}
    else:
        text = ", ".join(f"{name}={value}" for name, value in fields.items())
        record.msg, record.args = f"{record.getMessage()} ({text})", ()
