"""What still needs an old key after the re-encryption."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from temporalio.client import Client, WorkflowExecutionStatus

from activities.keys.key_log import KeyUse
from activities.keys.reencryption import RENEWED
from hookwright.temporal import START_TIME, WorkflowType, executions_of, has_status, time_between

ENDED = tuple(
    status for status in WorkflowExecutionStatus if status is not WorkflowExecutionStatus.RUNNING
)

NEEDS_NO_OLD_KEY = (WorkflowType.ENCRYPTION_KEYS, WorkflowType.REENCRYPTION)
"""What they hold is an id of a key, and read by nobody who lacks the key."""


@dataclass(frozen=True)
class OldKey:
    """An old key: how many workflows that began before it was left are open, by type, or ended.

    Each of them may need it; what was rewritten is not counted. What has ended is kept until
    retention is over.
    """

    use: KeyUse
    open: Counter[WorkflowType]
    ended: int

    @property
    def may_go(self) -> bool:
        """Whether nothing needs it any more."""
        return not (self.open or self.ended)


async def old_keys(client: Client, uses: dict[str, KeyUse], first: str) -> list[OldKey]:
    """Return the keys that were left for the first one, each with what may still need it."""
    return [
        OldKey(use, *await _began_before(client, use.left_at))
        for use in uses.values()
        if use.key_id != first and use.left_at and not use.retired
    ]


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
