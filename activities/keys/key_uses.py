"""What still needs an old key after the re-encryption."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from temporalio.client import Client, WorkflowExecutionStatus

from activities.keys.key_log import KeyUse
from activities.keys.lasting import RENEWED, is_being_deleted
from activities.keys.stored_payloads import NEEDS_NO_OLD_KEY, Told, found_under, queries_since
from hookwright.temporal import START_TIME, WorkflowType, executions_of, has_status, time_between

ENDED = tuple(
    status for status in WorkflowExecutionStatus if status is not WorkflowExecutionStatus.RUNNING
)

MOST_WRITTEN = 5
"""So many are named. One alone says that the key was not left."""


@dataclass(frozen=True)
class OldKey:
    """An old key, and what may need it.

    `open`: how many workflows that began before it was left are open, by type; `ended`: how many of
    these are kept until retention is over. What was rewritten is not among them.
    `written`: some that have something under it although it was left by then. `looked_into`: how
    many were looked into for that.
    """

    use: KeyUse
    open: Counter[WorkflowType]
    ended: int
    written: tuple[str, ...]
    looked_into: int

    @property
    def may_go(self) -> bool:
        """Whether nothing needs it any more."""
        return not (self.open or self.ended or self.written)


async def old_keys(
    client: Client, uses: dict[str, KeyUse], first: str, told: Told = lambda _: None
) -> list[OldKey]:
    """Return the keys that were left for the first one, each with what may still need it."""
    return [
        await _old_key(client, use, use.left_at, told)
        for use in uses.values()
        if use.key_id != first and use.left_at and not use.retired
    ]


async def number_to_look_into(client: Client, uses: dict[str, KeyUse], first: str) -> int:
    """Return how many workflows `old_keys` will look into, for its progress."""
    left = [use.left_at for use in uses.values() if use.key_id != first and not use.retired]
    queries = [query for at in left if at for query in queries_since(at)]
    return sum([(await client.count_workflows(query)).count for query in queries])


async def _old_key(client: Client, use: KeyUse, left_at: datetime, told: Told) -> OldKey:
    still_open, ended = await _began_before(client, left_at)
    written: list[str] = []
    looked_into = 0

    def count(number: int) -> None:
        nonlocal looked_into
        looked_into += number
        told(number)

    async for row in found_under(client, use.key_id, left_at, count):
        if row.start_time < left_at and await is_being_deleted(client, row):
            still_open[WorkflowType(row.workflow_type)] += 1
        else:
            written.append(row.id)
        if len(written) == MOST_WRITTEN:
            break
    return OldKey(use, still_open, ended, tuple(written), looked_into)


async def _began_before(client: Client, moment: datetime) -> tuple[Counter[WorkflowType], int]:
    before = time_between(START_TIME, None, moment)
    still_open, ended = Counter[WorkflowType](), 0
    for kind in WorkflowType:
        if kind in NEEDS_NO_OLD_KEY:
            continue
        running = executions_of(kind, has_status(WorkflowExecutionStatus.RUNNING), before)
        if kind not in RENEWED and (found := (await client.count_workflows(running)).count):
            still_open[kind] = found
        over = executions_of(kind, has_status(*ENDED), before)
        ended += (await client.count_workflows(over)).count
    return still_open, ended
