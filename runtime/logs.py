"""Logs: JSON lines for machines, aligned and coloured for people; never a secret."""

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from rich.console import Console

from hookwright.security import SECRET_FIELDS, redact_hidden_values

OURS = ("hookwright", "workflows", "activities", "api", "runtime")

LOOKS_SECRET = re.compile(
    r"\b(whsec_|whsk_|hwk_[A-Za-z0-9]+_|(?i:bearer) )[A-Za-z0-9+/=._-]+"
    r"|\b(eyJ)[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    re.DOTALL,
)
"""Secrets, keys and tokens by their form: what nobody said is in use."""


def configure() -> None:
    """Send every log line to stderr, once for the process. Of libraries, only warnings."""
    terminal = Console(stderr=True)
    people = terminal.is_terminal
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if people else "iso", utc=not people),
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
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Plain tracebacks: others print the local variables, secrets among them.
                structlog.processors.format_exc_info,
                without_secrets,
                _renderer(people=people, colours=not terminal.no_color),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for package in OURS:
        logging.getLogger(package).setLevel(logging.INFO)


def without_secrets(_: object, __: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Blot out fields named as secrets are, values in use, and what looks like a secret of ours.

    A structlog processor, the last before the line is written: all that comes after is plain data.
    """
    return {name: _plain(name, value) for name, value in event.items()}


def _plain(name: object, value: object) -> object:
    if name in SECRET_FIELDS and value is not None:
        return "***"
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(key): _plain(key, inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(None, inner) for inner in value]
        case _:
            return LOOKS_SECRET.sub(_beginning, redact_hidden_values(str(value)))


def _beginning(found: re.Match[str]) -> str:
    return f"{next(filter(None, found.groups()))}***"


def _renderer(*, people: bool, colours: bool) -> structlog.typing.Processor:
    if people:
        plain = structlog.dev.plain_traceback
        return structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain)
    return structlog.processors.JSONRenderer()
