"""Recorded histories replay: no change of code changes what a running workflow has done."""

import json
from pathlib import Path

import pytest
from support.stack import CODEC
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from hookwright.temporal.codec import data_converter
from runtime.worker import WORKFLOWS

HISTORIES = sorted((Path(__file__).parent.parent / "histories").glob("*.json"))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_history_replays(path: Path) -> None:
    """Today's workflow code gives the commands that were recorded."""
    recorded = json.loads(path.read_text())
    started = recorded["events"][0]["workflowExecutionStartedEventAttributes"]
    history = WorkflowHistory.from_json(started["workflowId"], recorded)
    replayer = Replayer(workflows=WORKFLOWS, data_converter=data_converter(CODEC))
    await replayer.replay_workflow(history)


def test_every_workflow_has_a_history() -> None:
    """No workflow type goes without a recorded history."""
    recorded = {path.stem.split("_")[0] for path in HISTORIES}
    assert recorded == {workflow.__name__.lower() for workflow in WORKFLOWS}
