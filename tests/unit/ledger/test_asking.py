"""What a history tells about a POST: whether it was recorded before it was made once more."""

from typing import Any

import pytest
from ledger.asking import has_record
from temporalio.api.history.v1 import HistoryEvent

FIRST_ATTEMPT = (
    ("WORKFLOW_TASK_STARTED", 1, {}),
    ("WORKFLOW_TASK_COMPLETED", 9, {"started_event_id": 1}),
    ("MARKER_RECORDED", 9, {"workflow_task_completed_event_id": 2}),
)
RETRY = (
    ("ACTIVITY_TASK_STARTED", 1, {}),
    ("ACTIVITY_TASK_COMPLETED", 9, {"started_event_id": 1}),
)


def history(*events: tuple[str, int, dict[str, Any]]) -> list[HistoryEvent]:
    """Return events of a type, a time in seconds, and attributes."""
    it = []
    for number, (kind, at, attributes) in enumerate(events, start=1):
        event = HistoryEvent(event_id=number, event_type=f"EVENT_TYPE_{kind}")  # type: ignore[arg-type]
        event.event_time.FromSeconds(at)
        for name, value in attributes.items():
            setattr(getattr(event, f"{kind.lower()}_event_attributes"), name, value)
        it.append(event)
    return it


@pytest.mark.parametrize("events", [FIRST_ATTEMPT, RETRY], ids=["first attempt", "retry"])
@pytest.mark.parametrize(
    ("posted", "until", "is_recorded"),
    [(5, 20, True), (5, 8, False), (0, 20, False), (12, 20, False)],
    ids=["before", "after the second", "by a later task", "before the first"],
)
def test_a_record_of_a_post(
    *,
    events: tuple[tuple[str, int, dict[str, Any]], ...],
    posted: float,
    until: float,
    is_recorded: bool,
) -> None:
    """A record is what a task that had begun before the POST has told before the second one."""
    assert has_record(history(*events), posted, until) is is_recorded


def test_no_record() -> None:
    """A history of a workflow task that has not ended records nothing."""
    assert not has_record(history(FIRST_ATTEMPT[0]), 5, 20)
