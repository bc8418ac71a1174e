"""The commands that a workflow made, as its recorded history shows them, without ids and times."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

HISTORIES = Path(__file__).parents[1] / "histories"
FINGERPRINTS = HISTORIES / "fingerprints.json"

Attributes = dict[str, Any]


def recorded_histories() -> dict[str, Attributes]:
    """Return every recorded history by its name."""
    paths = sorted(path for path in HISTORIES.glob("*.json") if path != FINGERPRINTS)
    return {path.stem: json.loads(path.read_text()) for path in paths}


def write_fingerprints() -> None:
    """Write the commands of every recorded history into one file, for people to read and compare.

    A history is encrypted and long; this file shows in a diff what a new history does differently.
    """
    fingerprints = {name: commands_made(it) for name, it in recorded_histories().items()}
    FINGERPRINTS.write_text(json.dumps(fingerprints, indent=2) + "\n")


def commands_made(history: Attributes) -> list[str]:
    """Return one line for each command, in the order in which the server recorded them."""
    return [line for event in history["events"] if (line := _command(event))]


def _command(event: Attributes) -> str | None:
    """Return the command that led to an event; None if another than the workflow caused it."""
    kind = event["eventType"].removeprefix("EVENT_TYPE_")
    return COMMANDS[kind](_attributes(event)) if kind in COMMANDS else None


def _attributes(event: Attributes) -> Attributes:
    [name] = [key for key in event if key.endswith("EventAttributes")]
    return dict(event[name])


def _marker(attributes: Attributes) -> str:
    if attributes["markerName"] != "core_local_activity":
        return f"record marker {attributes['markerName']}"
    [payload] = attributes["details"]["data"]["payloads"]
    data = json.loads(base64.b64decode(payload["data"]))
    return f"run local activity {data['activity_type']}"


def _keys(attributes: Attributes) -> str:
    """Return the keys of a memo (`fields`) or of search attributes (`indexedFields`)."""
    [fields] = attributes.values()
    return ", ".join(sorted(fields))


COMMANDS: dict[str, Callable[[Attributes], str]] = {
    "ACTIVITY_TASK_SCHEDULED": lambda it: f"schedule activity {it['activityType']['name']}",
    "ACTIVITY_TASK_CANCEL_REQUESTED": lambda _: "cancel activity",
    "MARKER_RECORDED": _marker,
    "TIMER_STARTED": lambda _: "start timer",
    "TIMER_CANCELED": lambda _: "cancel timer",
    "WORKFLOW_PROPERTIES_MODIFIED": lambda it: f"upsert memo {_keys(it['upsertedMemo'])}",
    "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES": lambda it: (
        f"upsert search attributes {_keys(it['searchAttributes'])}"
    ),
    "START_CHILD_WORKFLOW_EXECUTION_INITIATED": lambda it: (
        f"start child workflow {it['workflowType']['name']}"
    ),
    "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED": lambda it: (
        f"signal workflow {it['signalName']}"
    ),
    "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED": lambda _: "cancel another workflow",
    "WORKFLOW_EXECUTION_UPDATE_ACCEPTED": lambda it: (
        f"accept update {it['acceptedRequest']['input']['name']}"
    ),
    "WORKFLOW_EXECUTION_UPDATE_COMPLETED": lambda _: "complete update",
    "WORKFLOW_EXECUTION_CONTINUED_AS_NEW": lambda _: "continue as new",
    "WORKFLOW_EXECUTION_COMPLETED": lambda _: "complete workflow",
    "WORKFLOW_EXECUTION_FAILED": lambda _: "fail workflow",
    "WORKFLOW_EXECUTION_CANCELED": lambda _: "confirm the workflow's cancellation",
}
"""The events that a workflow's own commands lead to, each with its command in words."""
