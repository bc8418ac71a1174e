"""The page of the breaks, docs/breaks.md: its tables are made from the catalogue."""

import re
from itertools import groupby

from breaks.catalogue import REPOSITORY, Catalogue

PAGE = REPOSITORY / "docs/breaks.md"
MARK = "<!-- The rest of this page is made by `python -m breaks --page`. -->\n"


def tables(catalogue: Catalogue) -> str:
    """Return the tables: one for each room, with a row for each break."""
    parts = []
    for room, breaks in groupby(catalogue.breaks, lambda each: each.room):
        rows = [
            f"| {_words(it.name)} | {it.harm} | `{it.file}` | {_tests(it.caught_by)} |"
            for it in breaks
        ]
        head = ["| break | what users would see | broken in | caught by |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {room.capitalize()}\n", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def is_current(catalogue: Catalogue) -> bool:
    """Return whether the page has the tables of this catalogue."""
    return PAGE.read_text().partition(MARK)[2].strip() == tables(catalogue).strip()


def write(catalogue: Catalogue) -> None:
    """Write the tables to the page, below what a person has written."""
    written, mark, _ = PAGE.read_text().partition(MARK)
    PAGE.write_text(f"{written}{mark}\n{tables(catalogue)}")


def _words(name: str) -> str:
    return re.sub(r"[_-]", " ", name)


def _tests(tests: list[str]) -> str:
    return ", ".join(f"`{test}`" for test in tests)
