"""The list of breaks fits the code, and a break counts as caught only if its tests notice it."""

import ast
from functools import cache
from pathlib import Path

import pytest
from support.paths import REPOSITORY

from breaks import page
from breaks.__main__ import attempt
from breaks.catalogue import Break, BreakError, Catalogue
from breaks.trial import PACKAGES, Copy, not_green, verdict
from breaks.witness import Report

CATALOGUE = Catalogue.read()


@cache
def functions_of(path: str) -> set[str]:
    """Return the names of the test functions of a module."""
    tree = ast.parse((REPOSITORY / path).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


def test_each_break_can_be_made():
    """Its text stands in the code exactly once, what takes its place is Python, and it differs."""
    faults = []
    for each in CATALOGUE.breaks:
        text = (REPOSITORY / each.file).read_text()
        try:
            assert each.applied_to(text) != text, each.name
        except BreakError as error:
            faults.append(str(error))
    assert faults == []


def test_names_are_unique():
    """No two breaks have one name: the command line and the page name them by it."""
    assert len(CATALOGUE.by_name) == len(CATALOGUE.breaks)


def test_named_tests_exist():
    """Each test that is to notice a break is where the catalogue says."""
    named = {test for each in CATALOGUE.breaks for test in each.caught_by}
    missing = [
        test for test in named if test.partition("::")[2] not in functions_of(test.split("::")[0])
    ]
    assert missing == []


def test_each_room_is_broken():
    """No package of the product is without a break."""
    assert {each.file.split("/")[0] for each in CATALOGUE.breaks} == {*PACKAGES}


def test_the_page_is_of_this_list():
    """docs/breaks.md has what the catalogue has: `python -m breaks --page` writes it."""
    assert page.is_current(CATALOGUE)


MODULE = "def double(number):\n    return number * 2\n"
TESTS = """
import pytest

from sample import double


@pytest.mark.parametrize("number", [0, 3])
def test_notices(number):
    assert double(number) == number + number


def test_sleeps():
    assert double(0) == 0


def test_stumbles():
    [][double(0)] if double(1) == 1 else None


@pytest.fixture
def doubled():
    assert double(1) == 2


def test_never_begins(doubled):
    pass
"""


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A project of one module, with tests of every kind, and the mutation check itself."""
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample/__init__.py").write_text(MODULE)
    (tmp_path / "test_sample.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "breaks").symlink_to(REPOSITORY / "breaks")
    return Copy(tmp_path.resolve(), ("sample",))


def breaking(*tests: str, becomes: str = "number", **more: str) -> Break:
    """Return a break of the sample."""
    return Break(
        name="sample",
        room="sample",
        file="sample/__init__.py",
        was="number * 2",
        becomes=becomes,
        harm="nobody",
        caught_by=[f"test_sample.py::test_{name}" for name in tests],
        **more,
    )


def test_what_counts_as_caught(copy: Copy):
    """A break is caught by assertions; a test that passes or cannot run does not notice it."""
    asleep, stumbling, never_begun = attempt(
        copy, breaking("notices", "sleeps", "stumbles", "never_begins")
    )
    assert asleep == "test_sample.py::test_sleeps passes all the same"
    assert stumbling.endswith("fails, but not by an assertion: IndexError in its call")
    assert never_begun.endswith("fails, but not by an assertion: AssertionError in its setup")
    assert (copy.root / "sample/__init__.py").read_text() == MODULE


def test_errors_that_notice():
    """An error counts if the break names it; a test that did not run or pass before never does."""
    report = Report(failures={"test_sample.py::test_a": ["VerificationError in its call"]})
    assert verdict(breaking("a", noticed_by="VerificationError"), report) == []
    assert len(verdict(breaking("a"), report)) == 1
    assert verdict(breaking("b"), report) == ["test_sample.py::test_b did not run"]
    passed = Report(failures={"test_sample.py::test_a": []})
    assert not_green(["test_sample.py::test_a"], passed) == []
    assert len(not_green(["test_sample.py::test_a"], report)) == 1
    assert len(not_green(["test_sample.py::test_b"], report)) == 1


def test_breaks_that_cannot_be_made(copy: Copy):
    """A text that is not there once, or that would leave no Python, is told, and nothing is run."""
    [no_python] = attempt(copy, breaking("notices", becomes="number *"))
    assert "no Python any more" in no_python
    (copy.root / "sample/__init__.py").write_text(MODULE * 2)
    [twice] = attempt(copy, breaking("notices"))
    assert "2 times, not once" in twice


def test_only_the_copy_is_broken(copy: Copy):
    """If tests import other code than the copy's, nothing is caught, and the trial says why."""
    outside = copy.root.parent / f"{copy.root.name}-outside"
    outside.mkdir()
    (copy.root / "sample").rename(outside / "sample")
    (copy.root / "conftest.py").write_text(f"import sys; sys.path.insert(0, {str(outside)!r})\n")
    with pytest.raises(BreakError, match="was imported, which is not of the copy"):
        copy.run(["test_sample.py::test_sleeps"])
