"""docs/seeds.md: each promise of a published document is kept by something, and shown by a test."""

import ast
import re

import pytest
from support.facades import CALLS
from support.paths import REPOSITORY

from api.facades import FACADES
from hookwright.contracts import DEFAULT_CONTRACT, load_contracts

PAGE = (REPOSITORY / "docs/seeds.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
CONTRACTS = sorted(load_contracts().keys() - {DEFAULT_CONTRACT})
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
NAMED_FILE = re.compile(r"`((?:api|hookwright|activities|workflows)/[\w/.]+)`")
NOT_YET = "**Not yet**"


def rows(contract: str) -> list[list[str]]:
    """Return the cells of the promises of one document."""
    lines = re.findall(r"^\| (.+) \|$", SECTIONS[contract], re.MULTILINE)
    return [line.split(" | ") for line in lines if not line.startswith("promise |")]


def functions(path: str) -> set[str]:
    """Return the names of the functions of a test module."""
    tree = ast.parse((REPOSITORY / path).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


def test_every_document_has_its_section():
    """The page has one section for each contract that reproduces a published document."""
    assert sorted(SECTIONS) == CONTRACTS


@pytest.mark.parametrize("contract", CONTRACTS)
def test_named_tests_exist(contract):
    """Each test that the page names is in the file that it names."""
    named = NAMED_TEST.findall(SECTIONS[contract])
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (REPOSITORY / path).exists() or name not in functions(path)
    ]
    assert missing == []


@pytest.mark.parametrize("contract", CONTRACTS)
def test_named_files_exist(contract):
    """Each module, folder and contract file that the page names exists."""
    named = NAMED_FILE.findall(SECTIONS[contract])
    assert [path for path in named if not (REPOSITORY / path).exists()] == []


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_promise_is_shown_or_not_yet_kept(contract):
    """A promise has a place and a test, or the page says plainly that it is not yet kept."""
    table = rows(contract)
    assert len(table) > 10
    for promise, kept_by, shown_by in table:
        if promise.startswith(NOT_YET):
            assert (kept_by, shown_by) == ("-", "-"), promise
        else:
            assert kept_by.strip("-"), promise
            assert NAMED_TEST.search(shown_by), promise


@pytest.mark.parametrize("contract", sorted(FACADES))
def test_every_route_of_a_facade_is_listed(contract):
    """The page names each route of a facade, and no other route below its path."""
    routes = {
        f"{method} {route.path}".replace("{webhook_id}", "{id}").replace("delivery_id", "delivery")
        for router, _ in FACADES[contract]
        for route in router.routes
        for method in route.methods
    }
    named = re.findall(r"`((?:GET|POST|PATCH|DELETE) /[\w/{}]+)`", SECTIONS[contract])
    root = CALLS[contract].path
    assert {each for each in named if each.split()[1].startswith(root)} == routes
