"""Logs: JSON lines, or aligned and coloured lines on a terminal; they never contain a secret."""

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from rich.console import Console

from hookwright.security import SECRET_FIELDS, redact_hidden_values
from hookwright.tracing import traceparent
from runtime.logs.floods import FloodFilter
from runtime.terminal_text import lines, one_line

PACKAGES = ("hookwright", "workflows", "activities", "api", "runtime")

PLAIN_FIELDS = frozenset(
    {
        "attempt", "endpoint_id", "event_id", "event_type", "level", "outcome", "state",
        "tenant_id", "timestamp", "trace_id", "trigger", "workflow_id",
    }
)  # fmt: skip
"""The names of fields with ids and words of Hookwright's own, in which no values are searched.

A tenant chooses its secrets. One that equals a word of the log must not remove it from all lines.
"""

SECRET_PATTERN = re.compile(
    r"\b(whsec_|whsk_|hwk_[A-Za-z0-9]+_|(?i:bearer) )[A-Za-z0-9+/=._-]+"
    r"|(https://hooks\.slack\.com/)[^\s\"'<>|]+"
    r"|\b(eyJ)[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    re.DOTALL,
)
"""Finds secrets, keys and tokens by their form, also those that this process does not know."""


def configure() -> None:
    """Send all log lines of this process to stderr. Libraries log only warnings and errors."""
    terminal = Console(stderr=True)
    for_terminal = terminal.is_terminal
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _add_trace_id,
        structlog.processors.TimeStamper(
            fmt="%H:%M:%S" if for_terminal else "iso", utc=not for_terminal
        ),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.addFilter(FloodFilter())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                # Plain tracebacks: the other formats print local variables, which may be secrets.
                structlog.processors.format_exc_info,
                without_secrets,
                *([safe_to_print] if for_terminal else []),
                _renderer(for_terminal=for_terminal, colours=not terminal.no_color),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    set_level("info")


def set_level(level: str) -> None:
    """Log our own lines from this level on. Libraries log warnings and errors at any level."""
    for package in PACKAGES:
        logging.getLogger(package).setLevel(level.upper())


def _add_trace_id(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the trace that a line belongs to, if there is one."""
    if header := traceparent():
        event["trace_id"] = header.split("-")[1]
    return event


def without_secrets(_: object, __: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Replace secrets in a log event by `***`.

    A secret is the value of a field with the name of a secret, a secret value that is in use, or
    text in the form of a Hookwright secret. This is the last structlog processor before the line is
    written: it turns every value into plain data.

    The names of our own events are constants, in which no values are searched (PLAIN_FIELDS).
    """
    event.pop("_record", None)
    plain = PLAIN_FIELDS | {"event"} if event.pop("_from_structlog", False) else PLAIN_FIELDS
    return {
        name: _without_patterns(value)
        if name in plain and isinstance(value, str)
        else _redacted(name, value)
        for name, value in event.items()
    }


def safe_to_print(_: object, __: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Write control characters out: an event may hold what a receiver or a caller has sent.

    Only a traceback keeps its line ends. JSON needs none of this: it writes them out by itself.
    """
    return {
        name: (lines if name in ("exception", "stack") else one_line)(value)
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }


def _redacted(name: object, value: object) -> object:
    if name in SECRET_FIELDS and value is not None:
        return "***"
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(key): _redacted(key, inner) for key, inner in value.items()}
        case list() | tuple():
            return [_redacted(None, inner) for inner in value]
        case _:
            return _without_patterns(redact_hidden_values(str(value)))


def _without_patterns(text: str) -> str:
    return SECRET_PATTERN.sub(_prefix_only, text)


def _prefix_only(match: re.Match[str]) -> str:
    return f"{next(filter(None, match.groups()))}***"


def _renderer(*, for_terminal: bool, colours: bool) -> structlog.typing.Processor:
    if for_terminal:
        plain = structlog.dev.plain_traceback
        return structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain)
    return structlog.processors.JSONRenderer()
