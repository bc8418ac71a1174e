"""The breaks as data: one table in one of the TOML files beside this module."""

import ast
import tomllib
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

FOLDER = Path(__file__).parent
REPOSITORY = FOLDER.parent


class BreakError(Exception):
    """A break that cannot be made, because the code is not as the catalogue says."""


class Break(BaseModel):
    """One mistake that a colleague could make, and the tests that fail because of it.

    `was` is a text that stands in `file` exactly once, and `becomes` takes its place. `harm` says
    what the mistake would do to users. Each test of `caught_by` (`tests/...py::test_name`) must
    fail by an assertion, or by the error `noticed_by` of the library that it asks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    room: str
    file: str
    was: str
    becomes: str
    harm: str
    caught_by: list[str] = Field(min_length=1)
    noticed_by: str | None = None

    def applied_to(self, text: str) -> str:
        """Return the text of the file with the break in it.

        Raises:
            BreakError: the text to replace is not there exactly once, or the result is no Python.
        """
        found = text.count(self.was)
        if found != 1:
            raise BreakError(f"{self.name}: its text stands in {self.file} {found} times, not once")
        broken = text.replace(self.was, self.becomes)
        try:
            ast.parse(broken)
        except SyntaxError as error:
            raise BreakError(f"{self.name}: {self.file} is no Python any more: {error}") from None
        return broken


class Catalogue(BaseModel):
    """All breaks, in the order of their files."""

    breaks: list[Break]

    @cached_property
    def by_name(self) -> dict[str, Break]:
        """The breaks by their names."""
        return {each.name: each for each in self.breaks}

    @classmethod
    def read(cls, folder: Path = FOLDER) -> "Catalogue":
        """Read the files of a folder. The name of a file is a room, and `_` stands for a space."""
        return cls(
            breaks=[
                Break(name=name, room=path.stem.replace("_", " "), **fields)
                for path in sorted(folder.glob("*.toml"))
                for name, fields in tomllib.loads(path.read_text()).items()
            ]
        )
