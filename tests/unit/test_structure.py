"""The product's code stays easy to find one's way in: short modules, few to a folder, own names."""

import ast
from collections import defaultdict

from support.product import folders, modules, shown, tree

MOST_LINES = 300
MOST_MODULES = 16


def test_no_class_name_stands_twice() -> None:
    """A class name means one class in the whole product."""
    places = defaultdict(list)
    for module in modules():
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(shown(module))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_folders_are_small() -> None:
    """No folder of the product has more than sixteen modules directly in it."""
    sizes = {shown(folder): len([*folder.glob("*.py")]) for folder in folders()}
    assert {name: size for name, size in sizes.items() if size > MOST_MODULES} == {}


def test_modules_are_short() -> None:
    """No module of the product has more than three hundred lines."""
    sizes = {shown(module): len(module.read_text().splitlines()) for module in modules()}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}
