"""`hookwright contract check`: what a file would send, or its faults by key."""

import json
from pathlib import Path

import pytest
from support.commands import hookwright, hookwright_here
from support.paths import REPOSITORY

FILES = sorted((REPOSITORY / "docs/contracts").glob("*.toml"))
SLACK = (REPOSITORY / "docs/contracts/slack.toml").read_text()


def test_valid_files(tmp_path: Path) -> None:
    """For a valid file, headers and body are printed, and the exit status is 0."""
    for path in FILES:
        it = hookwright_here("contract", "check", str(path), folder=tmp_path)
        assert it.status == 0, it.output
        assert "hookwright.verify accepts the signature." in it.output
        assert it.output.startswith("POST https://receiver.example/hooks\ncontent-type: ")


async def test_own_event(tmp_path: Path) -> None:
    """An event of the caller's own is what the body shows."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"type": "a.b", "data": {"n": 7}, "extra": {"team_id": "T7"}}))
    (tmp_path / "slack.toml").write_text(SLACK)
    it = await hookwright(
        *("contract", "check", "slack.toml", "--event", str(event)), folder=tmp_path
    )
    assert it.status == 0, it.output
    assert '"event":{"n":7,"type":"a.b"}' in it.output
    assert '"team_id":"T7"' in it.output


def test_faults_of_a_file(tmp_path: Path) -> None:
    """Each fault of a file stands on a line of its own with its key."""
    wrong = SLACK.replace("v0={signature}", "v0=").replace("timeout_seconds = 3", "nmae = 1")
    (tmp_path / "odd.toml").write_text(wrong)
    it = hookwright_here("contract", "check", "odd.toml", folder=tmp_path)
    assert it.status == 1
    assert it.output.splitlines() == [
        "error: odd.toml:",
        "  timeout_seconds: Field required",
        "  signature: value: it must have {signature} once",
        "  nmae: Extra inputs are not permitted",
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"type": "a:b", "data": 1}', "type: a:b does not match the pattern of contract slack"),
        ('{"type": "a.b", "data": {}, "extra": {"x": 1}}', "extra.x: contract slack has team_id"),
        ('{"type": "a b"}', "type: String should match pattern"),
        ('{"type": "a.b", "data": 1}', "envelope or headers: "),
        ("[1]", "an event is a JSON object"),
        ("{", "Expecting"),
    ],
)
def test_faults_of_an_event(tmp_path: Path, content: str, reason: str) -> None:
    """An event that does not fit is explained by its key, and the exit status is 1."""
    (tmp_path / "slack.toml").write_text(SLACK)
    (tmp_path / "event.json").write_text(content)
    it = hookwright_here(
        *("contract", "check", "slack.toml", "--event", "event.json"), folder=tmp_path
    )
    assert it.status == 1
    assert reason in it.output
    assert "Traceback" not in it.output


def test_missing_files(tmp_path: Path) -> None:
    """A file that is not there is an error in words."""
    it = hookwright_here("contract", "check", "none.toml", folder=tmp_path)
    assert it.status == 1
    assert "none.toml" in it.output
    assert "Traceback" not in it.output
