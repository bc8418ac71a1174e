"""Names in the environment that look like settings, and that nothing reads.

A typing error in an optional setting would otherwise be noticed by nobody: the default holds.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

import structlog
from pydantic_settings import BaseSettings, DotEnvSettingsSource

PREFIX = "HOOKWRIGHT_"

CLIENT_NAMES = ("HOOKWRIGHT_URL", "HOOKWRIGHT_KEY", "HOOKWRIGHT_PROFILE")
"""What commands that call the API read. They may stand in the same `.env`."""

ALMOST_OUR_PREFIX, SAME_NAME = "HOOK", 0.85
"""`HOOKRIGHT_API_KEYS` is meant for us, `HOOKSHOT_TOKEN` is not: it is not similar enough."""

log = structlog.get_logger(__name__)


def known_names(settings: type[BaseSettings]) -> set[str]:
    """Return every name that a process or a command reads."""
    return {f"{PREFIX}{name.upper()}" for name in settings.model_fields} | {*CLIENT_NAMES}


def warn_of_unknown_names(settings: type[BaseSettings]) -> None:
    """Log each name of the environment and of `.env` that looks like a setting and is none.

    Values are never logged: one may be a secret.
    """
    in_file = DotEnvSettingsSource(settings).env_vars
    for name, remedy in remedies({**in_file, **os.environ}, known_names(settings)):
        log.warning("settings.unknown_name", name=name, remedy=remedy)


def remedies(names: Mapping[str, object], known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each name that looks like a setting and is none, with what to do about it.

    Settings are read in capitals and in small letters. A name that is a setting's without its
    prefix is one too, unless the setting itself is there: the documents list them so.
    """
    known = {*known}
    given = {name.upper() for name in names}
    services = _kubernetes_services(given)
    for name in sorted(given - known):
        if name.startswith(PREFIX):
            if not name.startswith(services):
                yield name, _remedy(_nearest(name, known))
        elif (setting := f"{PREFIX}{name}") in known - given:
            yield name, _remedy(setting)
        elif name.startswith(ALMOST_OUR_PREFIX):
            for setting in get_close_matches(name, known, 1, SAME_NAME):
                yield name, _remedy(setting)


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the nearest setting, if one is near.

    The prefix, which all have, does not count: it would make every name similar to every other.
    """
    bare = [each.removeprefix(PREFIX) for each in known]
    for nearest in get_close_matches(name.removeprefix(PREFIX), bare, 1):
        return f"{PREFIX}{nearest}"
    return None


def _remedy(setting: str | None) -> str:
    if setting is None:
        return "nothing reads this name; docs/settings.md lists those that are read"
    return f"nothing reads this name; did you mean {setting}?"


def _kubernetes_services(given: Iterable[str]) -> tuple[str, ...]:
    """Return how the variables begin that Kubernetes makes of each service in a namespace.

    A service `hookwright-api` makes HOOKWRIGHT_API_SERVICE_HOST, HOOKWRIGHT_API_PORT_8000_TCP and
    more of them.
    """
    host = "_SERVICE_HOST"
    services = [name.removesuffix(host) for name in given if name.endswith(host)]
    return tuple(f"{service}{end}" for service in services for end in ("_SERVICE_", "_PORT"))
