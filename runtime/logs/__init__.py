"""The log of a process: its lines, without secrets, and never a flood of them."""

from runtime.logs.floods import MAX_LINES, WINDOW_SECONDS
from runtime.logs.lines import configure, safe_to_print, set_level, without_secrets
from runtime.logs.settings import LogSettings

__all__ = [
    "MAX_LINES",
    "WINDOW_SECONDS",
    "LogSettings",
    "configure",
    "safe_to_print",
    "set_level",
    "without_secrets",
]
