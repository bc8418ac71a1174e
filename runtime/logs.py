"""Logs: JSON lines for machines, aligned and coloured for people; never a secret."""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog
from rich.console import Console

OURS = ("hookwright", "workflows", "activities", "api", "runtime")

SECRETS = re.compile(r"\b(whsec_|whsk_|hwk_[A-Za-z0-9]+_|(?i:bearer) )[A-Za-z0-9+/=_-]+")


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
                *_renderers(people=people, colours=not terminal.no_color),
                _without_secrets,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for package in OURS:
        logging.getLogger(package).setLevel(logging.INFO)


def _renderers(*, people: bool, colours: bool) -> list[structlog.typing.Processor]:
    if people:
        # Plain tracebacks: rich ones print the local variables, secrets among them.
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _without_secrets(_: object, __: str, line: MutableMapping[str, Any] | str) -> str:
    """Blot out what looks like a secret of ours, should one ever get into a line."""
    return SECRETS.sub(r"\1***", str(line))
