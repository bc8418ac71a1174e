"""What a hosted Temporal bills for a history."""

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent

from bench.actions import history_actions, metered_actions


def plain(*names: str) -> list[HistoryEvent]:
    """Return events without attributes."""
    return [HistoryEvent(event_type=EventType.Value(f"EVENT_TYPE_{name}")) for name in names]


def marker(task: int) -> HistoryEvent:
    """Return the marker of a local activity that ran in a workflow task."""
    (event,) = plain("MARKER_RECORDED")
    event.marker_recorded_event_attributes.workflow_task_completed_event_id = task
    return event


def test_what_only_moves_a_workflow_on_is_free() -> None:
    """Tasks, results and ends of workflows cost nothing."""
    free = plain(
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_TASK_FAILED",
        "ACTIVITY_TASK_COMPLETED",
        "TIMER_FIRED",
        "WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
        "WORKFLOW_EXECUTION_COMPLETED",
    )
    assert history_actions(free) == 0


def test_what_is_asked_of_the_server_counts() -> None:
    """Starts, activities, timers, signals, updates and child workflows are one action each."""
    asked = plain(
        "WORKFLOW_EXECUTION_STARTED",
        "ACTIVITY_TASK_SCHEDULED",
        "TIMER_STARTED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "START_CHILD_WORKFLOW_EXECUTION_INITIATED",
    )
    assert history_actions(asked) == len(asked)


def test_local_activities_of_one_task_count_once() -> None:
    """All markers of a workflow task are one action, those of another task another one."""
    assert history_actions([marker(4), marker(4), marker(4)]) == 1
    assert history_actions([marker(4), marker(9)]) == 2


def test_retries_count() -> None:
    """Each attempt of an activity after the first one is an action, as are local retries."""
    (activity,) = plain("ACTIVITY_TASK_STARTED")
    activity.activity_task_started_event_attributes.attempt = 4
    assert history_actions([activity]) == 3
    (task,) = plain("WORKFLOW_TASK_COMPLETED")
    metering = task.workflow_task_completed_event_attributes.metering_metadata
    metering.nonfirst_local_activity_execution_attempts = 2
    assert history_actions([task]) == 2


def test_an_upsert_counts_unless_it_is_of_versioning() -> None:
    """An upsert of search attributes is an action; the one of `workflow.patched` is free."""
    upsert, patched = plain(*["UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"] * 2)
    for event, name in ((upsert, "DeliveryState"), (patched, "TemporalChangeVersion")):
        attributes = event.upsert_workflow_search_attributes_event_attributes.search_attributes
        attributes.indexed_fields[name].data = b"1"
    assert history_actions([upsert, patched]) == 1


def test_a_reset_counts() -> None:
    """A failed workflow task is an action only if it stands for a reset."""
    (event,) = plain("WORKFLOW_TASK_FAILED")
    event.workflow_task_failed_event_attributes.cause = (
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
    )
    assert history_actions([event]) == 1


def test_metered_actions_are_those_of_the_namespace() -> None:
    """The server's metric is summed over operations, for one namespace."""
    metrics = """\
# TYPE action counter
action{action_type="grpc_StartWorkflowExecution",namespace="default"} 3
action{action_type="command_RecordMarker",namespace="default"} 2e+00
action{action_type="grpc_StartWorkflowExecution",namespace="temporal_system"} 7
action_other{namespace="default"} 9
"""
    assert metered_actions(metrics, "default") == 5
