"""The benchmark's options, its tables, and what it must reach."""

import pytest

from bench.__main__ import options, plan
from bench.report.files import new_report
from bench.report.requirements import Requirement, requirements_table
from bench.report.tables import percentile, table
from bench.run import QUICK, Plan


def test_percentiles_lie_between_the_values() -> None:
    """The median of two is between them; of one value every percentile is that value."""
    assert percentile([1.0, 3.0], 50) == 2.0
    assert percentile([7.0], 99) == 7.0
    assert percentile(list(range(101)), 99) == 99


def test_a_table_is_markdown() -> None:
    """The first column is aligned left, the others right."""
    assert table(("a", "b"), [["c", "1"]]) == "| a | b |\n| --- | ---: |\n| c | 1 |"


@pytest.mark.parametrize(
    ("bound", "reached", "is_met"),
    [
        ("at least", 1.6, True),
        ("at least", 1.599, False),
        ("at most", 1.6, True),
        ("at most", 1.601, False),
        ("exactly", 1.6, True),
        ("exactly", 1.6001, False),
        ("at least", None, None),
    ],
)
def test_a_requirement_is_met_before_it_is_rounded(bound, reached, is_met) -> None:
    """A figure that would be enough only when rounded is not enough."""
    assert Requirement("figure", bound, 1.6, reached).is_met is is_met


def test_the_table_says_what_is_wanted_and_whether_it_is_reached() -> None:
    """Each requirement is a row: the figure, what is wanted, what was reached, yes or no."""
    rows = requirements_table(
        [
            Requirement("rate", "at least", 1.6, 1.7, " times"),
            Requirement("memory", "at most", 350, 400.4, " MB", 0),
            Requirement("CPU", "at most", 1.4, None),
        ]
    ).splitlines()[2:]
    assert rows == [
        "| rate | at least 1.60 times | 1.70 times | yes |",
        "| memory | at most 350 MB | 400 MB | **no** |",
        "| CPU | at most 1.40 | not measured | - |",
    ]


def test_options_change_the_plan() -> None:
    """A size that is given replaces the default, of a short run as well."""
    assert plan(options().parse_args([])) == Plan()
    assert plan(options().parse_args(["--quick"])) == QUICK
    assert plan(options().parse_args(["--quick", "--flood", "50"])).flood == 50


def test_older_reports_are_kept(tmp_path) -> None:
    """A second report of a day gets a number."""
    first = new_report(tmp_path, "2026-12-01")
    assert first.name == "2026-12-01.md"
    first.touch()
    assert new_report(tmp_path, "2026-12-01").name == "2026-12-01-2.md"
