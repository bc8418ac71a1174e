"""Executions in the order of their times: visibility itself has no order of ours.

Their time is when they started, or, of a scheduled event, when it was due: `ExecutionTime`.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowExecution

from hookwright.times import rfc3339

PAGE = 100
"""Rows that are sorted at once. They carry their memos, and a message holds 4 MiB."""

FIRST_SPAN, SHORTEST_SPAN = timedelta(hours=1), timedelta(milliseconds=2)


async def oldest_first(
    client: Client, query: str, since: datetime, until: datetime
) -> AsyncIterator[WorkflowExecution]:
    """Yield what a query finds, span by span: shorter where there are many, longer where few."""
    span = FIRST_SPAN
    while since < until:
        end = min(since + span, until)
        within = f"{query} AND {between(since, end)}"
        limit = PAGE + 1 if span > SHORTEST_SPAN else None
        rows = [row async for row in client.list_workflows(within, page_size=PAGE, limit=limit)]
        if limit and len(rows) > PAGE:
            span /= 2
            continue
        for row in sorted(rows, key=lambda row: (moment(row), row.run_id)):
            yield row
        since = end
        if len(rows) < PAGE / 4:
            span *= 2


def moment(row: WorkflowExecution) -> datetime:
    """Return an execution's time."""
    return row.execution_time or row.start_time


def between(since: datetime, until: datetime) -> str:
    """Return visibility's condition: from `since` on, and before `until`."""
    return f"ExecutionTime >= '{rfc3339(since)}' AND ExecutionTime < '{rfc3339(until)}'"
