"""Queries of Temporal's visibility. Each one is built here.

Values are ids, types and times of our own character set, so no user's text reaches a query.
"""

from collections.abc import Iterable
from datetime import datetime

from temporalio.client import WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey

from hookwright.temporal.names import WorkflowType
from hookwright.times import rfc3339_exact

START_TIME = "StartTime"
EXECUTION_TIME = "ExecutionTime"
"""When an execution started or, if its start was delayed, when it was due."""


def executions_of(workflow_type: WorkflowType, *conditions: str) -> str:
    """Return the query for executions of one type that meet all conditions."""
    return all_of(type_is(workflow_type), *conditions)


def all_of(*conditions: str) -> str:
    """Return the condition that all of these hold. An empty one is left out."""
    return " AND ".join(filter(None, conditions))


def type_is(workflow_type: WorkflowType) -> str:
    """Return the condition that an execution has this type."""
    return f"WorkflowType = '{workflow_type}'"


def has_status(*statuses: WorkflowExecutionStatus) -> str:
    """Return the condition that an execution has one of these statuses."""
    names = ", ".join(f"'{_status_name(status)}'" for status in statuses)
    return f"ExecutionStatus IN ({names})"


def attribute_is(key: SearchAttributeKey[str], value: str | None) -> str:
    """Return the condition that an attribute has this value; no condition for None."""
    return "" if value is None else f"{key.name} = '{value}'"


def attribute_in(key: SearchAttributeKey[str], values: Iterable[str]) -> str:
    """Return the condition that an attribute has one of these values."""
    written = ", ".join(f"'{value}'" for value in values)
    return f"{key.name} IN ({written})"


def attribute_unset(key: SearchAttributeKey[str]) -> str:
    """Return the condition that an execution does not have an attribute."""
    return f"{key.name} IS NULL"


def time_between(time: str, since: datetime | None, until: datetime | None) -> str:
    """Return the conditions that a time is at or after `since`, and before `until`, if given."""
    later = f"{time} >= '{rfc3339_exact(since)}'" if since else ""
    earlier = f"{time} < '{rfc3339_exact(until)}'" if until else ""
    return " AND ".join(filter(None, [later, earlier]))


def workflow_id_is(workflow_id: str) -> str:
    """Return the condition that an execution has this workflow id."""
    return f"WorkflowId = '{workflow_id}'"


def attribute_in_or_unset(key: SearchAttributeKey[str], values: Iterable[str]) -> str:
    """Return the condition that an attribute has one of these values, or was never set."""
    return f"({attribute_in(key, values)} OR {attribute_unset(key)})"


def workflow_id_starts_with(prefixes: Iterable[str]) -> str:
    """Return the query for executions of any type whose workflow id begins with one of these.

    An underscore stands for any character there, so a few more may be found.
    """
    return " OR ".join(f"WorkflowId STARTS_WITH '{prefix}'" for prefix in prefixes)


def _status_name(status: WorkflowExecutionStatus) -> str:
    """Return a status as visibility writes it: `ContinuedAsNew`."""
    return "".join(word.capitalize() for word in status.name.split("_"))
