"""docker-compose.yml as data, and what it takes from the environment."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import yaml

from support.paths import REPOSITORY

COMPOSE_TEXT = (REPOSITORY / "docker-compose.yml").read_text()


COMPOSE = yaml.safe_load(COMPOSE_TEXT)


SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


OURS = {name: it for name, it in SERVICES.items() if it["image"].startswith("hookwright:")}


DOTENV = (REPOSITORY / ".env.example").read_text()


PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def interpolated(text: str, **environment: str) -> str:
    """Fill in variables as compose does; a missing required one is a KeyError."""

    def value(match: re.Match[str]) -> str:
        name, operator, default = match.groups()
        return environment.get(name, default) if operator == "-" else environment[name]

    return VARIABLE.sub(value, text)


def published_ports() -> Iterator[tuple[str, str, str, str]]:
    """Yield service, address, port on the machine, port in the container."""
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            address, outer, inner = port.rsplit(":", 2)
            yield name, address, outer, inner
