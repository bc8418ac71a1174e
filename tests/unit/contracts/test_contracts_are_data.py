"""Contracts are data: code knows none by name, besides the default and the facades."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.paths import REPOSITORY

from hookwright.contracts import DEFAULT_CONTRACT, load_contracts

CODE = ("hookwright", "workflows", "activities", "api", "runtime", "bench")
FACADES = REPOSITORY / "api" / "facades"
ORDINARY_WORDS = {"plain"}
"""Names that are words too: code may use the word, but not as a value."""

NAMES = load_contracts().keys() - {DEFAULT_CONTRACT}


def modules() -> Iterator[Path]:
    for folder in CODE:
        for path in (REPOSITORY / folder).rglob("*.py"):
            if FACADES not in path.parents:
                yield path


@pytest.mark.parametrize("name", sorted(NAMES))
def test_no_contract_is_named_in_code(name):
    """No module but a facade holds a contract's name, be it as a value or in any other way."""
    for path in modules():
        text = path.read_text()
        values = {
            node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)
        }
        assert name not in values, path
        assert name in ORDINARY_WORDS or name not in text.lower(), path


def test_only_facades_are_exempt():
    """Each facade's module is one contract's and has its name."""
    shared = {"__init__", "contract_webhooks", "deliveries"}
    files = {path.stem for path in FACADES.glob("*.py")} - shared
    assert files <= NAMES
