"""The product's own code, read as text and as syntax trees."""

import ast
from pathlib import Path

from support.paths import REPOSITORY

PACKAGES = ("hookwright", "activities", "workflows", "api", "runtime")


def folders() -> list[Path]:
    """Return every folder of product code."""
    return sorted({path.parent for path in modules()})


def modules() -> list[Path]:
    """Return the file of every product module."""
    return sorted(path for name in PACKAGES for path in (REPOSITORY / name).rglob("*.py"))


def tree(module: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(module.read_text(), str(module))


def shown(module: Path) -> str:
    """Return a module's path as people write it."""
    return module.relative_to(REPOSITORY).as_posix()
