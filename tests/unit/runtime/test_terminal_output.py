"""What others have sent cannot control the terminal, in no line that a command prints."""

import json

import pytest
import structlog
import typer
from typer.testing import CliRunner

from runtime import cli
from runtime.errors import CommandError
from runtime.logs import safe_to_print
from runtime.remote import ApiClient
from runtime.running import exit_on_command_error

CONTROLS = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))
HOSTILE = f"a{CONTROLS}\u202eb"


def is_text(output: str) -> bool:
    """Return whether nothing in the output but line ends can move a terminal's cursor."""
    return output.replace("\n", "").isprintable()


def test_an_error_is_text(capsys):
    """The error that a command ends with may repeat a server's answer."""
    with pytest.raises(typer.Exit), exit_on_command_error():
        raise CommandError(f"422: {HOSTILE}\n  {HOSTILE}")
    printed = capsys.readouterr().err
    assert r"\u001b" in printed
    assert "\n  a" in printed
    assert is_text(printed)


def test_an_answer_is_text(monkeypatch):
    """The answer that a command prints with --json is JSON in ASCII."""
    answer = {"id": HOSTILE, HOSTILE: [HOSTILE], "duplicate": False}
    monkeypatch.setattr(ApiClient, "send", lambda *_: answer)
    command = ["publish", "a.b", "{}", "--tenant", "acme", "--key", "hwk_a_b", "--json"]
    printed = CliRunner().invoke(cli.app, command).stdout
    assert json.loads(printed) == answer
    assert printed.isascii()
    assert is_text(printed)


def test_a_log_line_is_text():
    """On a terminal a log event is one line, whatever a receiver has put into it."""
    render = structlog.dev.ConsoleRenderer(colors=False)
    event = {"event": HOSTILE, "error": HOSTILE, "inner": {"a": [HOSTILE]}, "level": "info"}
    line = render(None, "info", safe_to_print(None, "info", event))
    assert line.isprintable()


def test_a_traceback_keeps_its_lines():
    """A traceback is many lines, and each is safe."""
    shown = safe_to_print(None, "", {"exception": f"Traceback\n{HOSTILE}"})["exception"]
    assert shown.startswith("Traceback\na")
    assert is_text(shown)
