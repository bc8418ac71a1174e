"""Names that cross Temporal: code takes them from the enums, and registers no others."""

import ast
from collections.abc import Iterator
from unittest.mock import MagicMock

import pytest
from support.product import modules, shown, tree
from temporalio import activity, workflow

from activities.delivery import DeliveryActivities
from hookwright.temporal.names import ActivityName, Signal, Update, WorkflowType
from runtime.worker import WORKFLOWS, activities_of, notification_activities

NAMED_FIRST = {
    "execute_activity",
    "execute_child_workflow",
    "execute_local_activity",
    "execute_update",
    "execute_workflow",
    "memo_value",
    "signal",
    "start_activity",
    "start_local_activity",
    "start_update",
    "start_workflow",
}
"""Calls whose first argument is a name, or a function that has one."""

NAMED_BY_KEYWORD = {"ApplicationError": "type", "defn": "name", "signal": "name", "update": "name"}
MEMOS_BY_KEYWORD = {"memo", "fields"}


def literal_names(code: ast.AST) -> Iterator[ast.Constant]:
    """Yield the literal strings that stand where a name from an enum is meant."""
    for node in ast.walk(code):
        if isinstance(node, ast.Call):
            yield from filter(_is_text, _names_in(node))


def _is_text(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _names_in(call: ast.Call) -> Iterator[ast.AST | None]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name in NAMED_FIRST:
        yield from call.args[:1]
    if name == "upsert_memo":
        yield from _keys(call.args[0])
    for keyword in call.keywords:
        if keyword.arg == NAMED_BY_KEYWORD.get(name, "nothing"):
            yield keyword.value
        if keyword.arg in MEMOS_BY_KEYWORD and (keyword.arg == "memo" or name == "Memo"):
            yield from _keys(keyword.value)


def _keys(memo: ast.AST) -> Iterator[ast.AST | None]:
    for node in ast.walk(memo):
        if isinstance(node, ast.Dict):
            yield from node.keys


@pytest.mark.parametrize("module", modules(), ids=shown)
def test_no_name_is_a_literal(module) -> None:
    """A name that crosses Temporal comes from hookwright/temporal/names.py."""
    assert [f"line {it.lineno}: {it.value!r}" for it in literal_names(tree(module))] == []


@pytest.mark.parametrize(
    "line",
    [
        'handle.signal("report", it)',
        'handle.execute_update("change", it)',
        'client.start_workflow("Event", it)',
        'workflow.execute_activity("retry", it)',
        'ApplicationError("late", type="late")',
        'activity.defn(name="retry")',
        'workflow.defn(name="Event")',
        'workflow.signal(name="report")',
        'workflow.update(name="change")',
        'workflow.upsert_memo({"attempts": log})',
        'workflow.memo_value("attempts", None)',
        'client.start_workflow(run, memo={"attempts": log} if log else None)',
        'Memo(fields={"attempts": payload})',
    ],
)
def test_a_literal_is_found(line: str) -> None:
    """The check above finds a literal name in each place where one could stand."""
    assert len([*literal_names(ast.parse(line))]) == 1


@pytest.mark.parametrize("workflow_class", WORKFLOWS)
def test_updates_and_signals_are_in_the_enums(workflow_class: type) -> None:
    """A workflow registers no type, update or signal whose name is in no enum, and no query."""
    registered = workflow._Definition.must_from_class(workflow_class)
    assert registered.name in [*WorkflowType]
    assert {*registered.updates} <= {*Update}
    assert {*registered.signals} - {None} <= {*Signal}  # None: an endpoint takes any signal
    assert registered.queries == {}


def test_every_workflow_type_is_registered() -> None:
    """The worker runs one workflow for each WorkflowType."""
    names = [workflow._Definition.must_from_class(each).name for each in WORKFLOWS]
    assert sorted(names) == sorted(WorkflowType)


def test_every_activity_is_registered_once() -> None:
    """The worker runs one activity for each ActivityName, and no other."""
    attempts = DeliveryActivities(*(MagicMock() for _ in range(5)))
    activities = [
        *activities_of(MagicMock(), MagicMock(), attempts, *(MagicMock() for _ in range(3))),
        *notification_activities(*(MagicMock() for _ in range(4))),
    ]
    names = [activity._Definition.must_from_callable(each).name for each in activities]
    assert sorted(names) == sorted(ActivityName)
