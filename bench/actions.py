"""How many actions a hosted Temporal bills for a workflow, counted from its history.

The rule is that of https://docs.temporal.io/cloud/actions, as read in November 2026. A start, a
timer, a signal, an accepted update, an upsert of search attributes and each run of an activity is
one action, the start of a child workflow two. All local activities of one workflow task are one
action together, because all their markers are: so a workflow of one local activity is two actions.

A history does not show heartbeats, queries, and signals that were sent to other workflows. The
server's own metric `action` has the last two, so the benchmark reads it as a check.
"""

import re
from collections.abc import Iterable

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent

ACTIONS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: 1,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: 1,
    EventType.EVENT_TYPE_TIMER_STARTED: 1,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: 1,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: 1,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED: 1,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: 1,
    EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED: 1,
    EventType.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED: 1,
}
"""What each event of a history counts. The other action of a child is the start in its own history,
and a new run by continue-as-new is counted by that run's start."""

VERSIONING = "TemporalChangeVersion"
"""The search attribute of `workflow.patched`. To set it alone is free."""

MAX_LOCAL_RETRIES = 100

ACTION_METRIC = re.compile(r"^action\{(.*)\} (\S+)$", re.MULTILINE)


def history_actions(events: Iterable[HistoryEvent]) -> int:
    """Return how many actions the events of one workflow count."""
    actions = 0
    tasks_with_markers: set[int] = set()
    for event in events:
        actions += ACTIONS.get(event.event_type, 0) + _special(event)
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            task = event.marker_recorded_event_attributes.workflow_task_completed_event_id
            tasks_with_markers.add(task)
    return actions + len(tasks_with_markers)


def _special(event: HistoryEvent) -> int:
    """Return what an event counts if it depends on the event's attributes."""
    match event.event_type:
        case EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            return max(event.activity_task_started_event_attributes.attempt - 1, 0)
        case EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            metering = event.workflow_task_completed_event_attributes.metering_metadata
            retries = metering.nonfirst_local_activity_execution_attempts
            return min(retries, MAX_LOCAL_RETRIES)
        case EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
            upsert = event.upsert_workflow_search_attributes_event_attributes
            return int(set(upsert.search_attributes.indexed_fields) != {VERSIONING})
        case EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            cause = event.workflow_task_failed_event_attributes.cause
            return int(cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW)
        case _:
            return 0


def metered_actions(metrics: str, namespace: str) -> float:
    """Return the sum of the server's metric `action` for a namespace, from its Prometheus text."""
    return sum(
        float(value)
        for labels, value in ACTION_METRIC.findall(metrics)
        if f'namespace="{namespace}"' in labels
    )
