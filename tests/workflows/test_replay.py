"""Recorded histories replay: no change of code changes what a running workflow has done."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support.commands_made import FINGERPRINTS, commands_made, recorded_histories
from support.stack import CODEC
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Interceptor, Replayer, UnsandboxedWorkflowRunner, WorkflowRunner

from hookwright.temporal.codec import data_converter
from runtime.tracing.otlp import record
from runtime.worker import WORKFLOWS

HISTORIES = recorded_histories()

ADVICE = """\
The {workflow} workflow no longer makes the commands that were recorded in
tests/histories/{name}.json, so workflows that are running would fail with today's code.

Guard the change with `if workflow.patched("..."):`, so that workflows that are running keep the
old commands. Then record a new history with `python tests/histories/record.py` and explain the
change in CHANGELOG.md. Before the first release there are no such workflows: record anew, and
review the difference in tests/histories/fingerprints.json.

What differs: {difference}

The recorded commands:
{commands}"""


async def advice(
    name: str,
    workflows: Sequence[type],
    runner: WorkflowRunner | None = None,
    interceptors: Sequence[Interceptor] = (),
) -> str | None:
    """Replay a recorded history; return what to do if the code no longer fits it."""
    recorded = HISTORIES[name]
    started = recorded["events"][0]["workflowExecutionStartedEventAttributes"]
    history = WorkflowHistory.from_json(started["workflowId"], recorded)
    more = {"workflow_runner": runner} if runner else {}
    replayer = Replayer(
        workflows=workflows,
        data_converter=data_converter(CODEC),
        interceptors=interceptors,
        **more,
    )
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    if isinstance(result.replay_failure, workflow.NondeterminismError):
        lines = enumerate(commands_made(recorded), start=1)
        return ADVICE.format(
            workflow=started["workflowType"]["name"],
            name=name,
            difference=result.replay_failure,
            commands="\n".join(f"{number:3}. {line}" for number, line in lines),
        )
    if result.replay_failure:
        raise result.replay_failure
    return None


@pytest.mark.parametrize("name", HISTORIES)
async def test_history_replays(name: str) -> None:
    """Today's workflow code gives the commands that were recorded."""
    if todo := await advice(name, WORKFLOWS):
        pytest.fail(todo, pytrace=False)


@workflow.defn(name="Event")
class ChangedEvent:
    """An event that waits where `Event` fans out."""

    @workflow.run
    async def run(self, _: Any) -> None:
        await workflow.sleep(1)


async def test_a_changed_workflow_fails_with_advice() -> None:
    """A workflow with other commands than the recorded ones fails with advice in words."""
    todo = await advice("event", [ChangedEvent], UnsandboxedWorkflowRunner())
    assert todo is not None
    assert "The Event workflow no longer makes the commands" in todo
    assert 'workflow.patched("...")' in todo
    assert "python tests/histories/record.py" in todo
    assert "  1. run local activity fan_out" in todo


def test_fingerprints_agree_with_the_histories() -> None:
    """fingerprints.json shows the commands of the recorded histories, of each and of no other."""
    fingerprints = json.loads(FINGERPRINTS.read_text())
    assert fingerprints == {name: commands_made(it) for name, it in HISTORIES.items()}


def test_every_workflow_has_a_history() -> None:
    """No workflow type goes without a recorded history."""
    recorded = {name.split("_")[0] for name in HISTORIES}
    assert recorded == {each.__name__.lower() for each in WORKFLOWS}


@pytest.fixture(scope="module")
def tracing() -> Iterator[Interceptor]:
    """What a worker that sends traces adds to its client."""
    recorder = record(InMemorySpanExporter())
    yield recorder.interceptor
    recorder.shut_down()


@pytest.mark.parametrize("name", HISTORIES)
async def test_history_replays_with_traces(name: str, tracing: Interceptor) -> None:
    """Traces may be switched on while workflows run: Temporal's headers are no commands."""
    runner = UnsandboxedWorkflowRunner()
    assert await advice(name, WORKFLOWS, runner, [tracing]) is None
