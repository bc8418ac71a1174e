"""The log of a process: its lines, without secrets, and never a flood of them."""

from runtime.logs.floods import MAX_LINES, WINDOW_SECONDS
from runtime.logs.lines import configure, safe_to_print, without_secrets

__all__ = ["MAX_LINES", "WINDOW_SECONDS", "configure", "safe_to_print", "without_secrets"]
