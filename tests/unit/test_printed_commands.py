"""The commands that documents and help texts print exist, with these options."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from support.paths import REPOSITORY
from typer.testing import CliRunner

from runtime.cli import app

PAGES = sorted([REPOSITORY / "README.md", *REPOSITORY.glob("docs/*.md")])
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CALL = r"(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?hookwright "
IN_BLOCK = re.compile(rf"^{CALL}([^\n#&|]+)", re.MULTILINE)
IN_TEXT = re.compile(rf"`{CALL}([a-z][^`|]*)`")
OF_THE_SHELL = re.compile(r"\$\([^)]*\)")
EXAMPLE = re.compile(rf"Example: `{CALL}(.+)`$")
WORDS = re.compile(r"`([a-z][a-z-]+)(?: [A-Z\[-][^`]*)?`")


def commands(command: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that is no group, with its whole name."""
    groups = getattr(command, "commands", {})
    for name, inner in groups.items():
        yield from commands(inner, *names, name)
    if not groups:
        yield names, command


ROOT = typer.main.get_command(app)
COMMANDS = dict(commands(ROOT))


def name_in(words: list[str]) -> tuple[str, ...]:
    """Return the name of the command with which the words begin; empty if there is none."""
    return next((it for it in (tuple(words[:2]), tuple(words[:1])) if it in COMMANDS), ())


def parse(line: str) -> tuple[str, ...]:
    """Return the name of the command that a line would run. Its arguments are parsed as well.

    Raises:
        UsageError: there is no such command or option, or a value is not valid.
    """
    words = shlex.split(OF_THE_SHELL.sub("x", line))
    name = name_in(words)
    assert name, f"there is no command {line!r}"
    COMMANDS[name].make_context(" ".join(name), words[len(name) :])
    return name


def in_blocks(page: Path) -> list[str]:
    """Return the commands that a page prints for a shell."""
    blocks = BLOCK.findall(page.read_text())
    return [line for block in blocks for line in IN_BLOCK.findall(block.replace("\\\n", " "))]


def in_text(page: Path) -> list[str]:
    """Return the commands that a page's text names."""
    return IN_TEXT.findall(page.read_text())


def test_commands_are_found() -> None:
    """The pages print and name many commands, so that the next test is about something."""
    assert sum(len(in_blocks(page)) for page in PAGES) >= 15
    assert sum(len(in_text(page)) for page in PAGES) >= 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages(page: Path) -> None:
    """What a page prints for a shell can be run as it is, and what its text names exists."""
    for line in in_blocks(page):
        parse(line)
    for line in in_text(page):
        name = name_in(line.split())
        assert name, line
        known = {it for each in COMMANDS[name].params for it in (*each.opts, *each.secondary_opts)}
        assert {*re.findall(r"(?<= )--[a-z-]+", line)} <= known, line


def test_the_table_of_commands() -> None:
    """docs/command-line.md names every command over the REST API, or its group."""
    page = (REPOSITORY / "docs/command-line.md").read_text()
    rows = "\n".join(re.findall(r"^\| (`.+?) \|", page, re.MULTILINE))
    named = {*WORDS.findall(rows)}
    over_the_api = {
        name[0]
        for name, command in COMMANDS.items()
        if any(it.name == "as_json" for it in command.params)
    }
    assert over_the_api <= named, over_the_api - named


def test_help() -> None:
    """Each command's help ends with an example of it, or of its shorter name, that can be run."""
    for name, command in COMMANDS.items():
        example = EXAMPLE.search(command.help.strip())
        assert example, name
        assert COMMANDS[parse(example[1])].help == command.help
    assert "Exit status: 0 done" in CliRunner().invoke(app, ["--help"]).output
