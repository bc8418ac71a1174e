"""Changes of tenants' route tables. Group commit: many at once are few updates of a tenant."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.updates import update
from hookwright.ids import tenant_workflow_id
from hookwright.routing import Refusal, RouteChange, RouteChanges, RoutesChanged, TenantRouteChange
from hookwright.sizes import MAX_CHANGES, MAX_CHANGES_BYTES
from hookwright.temporal import Update

PATIENCE = timedelta(seconds=4)
"""How long an answer is waited for. What has not been sent by then is not sent any more."""


class WaitingChange(NamedTuple):
    """A change, and what is done once the tenant has answered."""

    change: RouteChange
    answered: "asyncio.Future[Refusal | None]"


@dataclass(frozen=True)
class TenantRoutes:
    """Sends changes to tenants: of one worker, one update at a time to each.

    While it is under way the next ones gather, and leave together. So there need be no limit on how
    many are under way, and no change waits for another tenant's.
    """

    client: Client
    _lines: dict[str, deque[WaitingChange]] = field(default_factory=dict, init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def change(self, asked: TenantRouteChange) -> None:
        """Change a tenant's route table; who reads it after this sees the change.

        Raises:
            ApplicationError: the tenant refuses it, or is gone; final.
            RPCError, TimeoutError: no answer has come; if it was sent, it may yet be made.
        """
        tenant_id = asked.tenant_id
        answered = asyncio.get_running_loop().create_future()
        line = self._lines.get(tenant_id)
        if line is None:
            line = self._lines[tenant_id] = deque()
            task = asyncio.create_task(self._send(tenant_id, line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        line.append(WaitingChange(asked.change, answered))
        async with asyncio.timeout(PATIENCE.total_seconds()):
            refusal = await answered
        if refusal:
            raise ApplicationError(refusal.message, type=refusal.type, non_retryable=True)

    async def _send(self, tenant_id: str, line: deque[WaitingChange]) -> None:
        """Send what waits, and go on while more has come in the meantime."""
        try:
            while batch := _taken_from(line):
                await self._send_batch(tenant_id, batch)
        finally:
            del self._lines[tenant_id]

    async def _send_batch(self, tenant_id: str, batch: list[WaitingChange]) -> None:
        changes = RouteChanges(changes=[each.change for each in batch])
        try:
            answer: RoutesChanged = await update(
                self.client,
                tenant_workflow_id(tenant_id),
                Update.CHANGE_ROUTES,
                changes,
                PATIENCE,
                RoutesChanged,
            )
        except Exception as error:  # noqa: BLE001 - it is raised where the change was asked for
            for each in batch:
                if not each.answered.done():
                    each.answered.set_exception(error)
            return
        for each, refusal in zip(batch, answer.refusals, strict=True):
            if not each.answered.done():  # else nobody waits for it any more
                each.answered.set_result(refusal)


def _taken_from(line: deque[WaitingChange]) -> list[WaitingChange]:
    """Take what fits one update, without what nobody waits for any more; empty: nothing waits."""
    batch: list[WaitingChange] = []
    size = 0
    while line and len(batch) < MAX_CHANGES:
        if line[0].answered.done():
            line.popleft()
            continue
        size += line[0].change.size
        if batch and size > MAX_CHANGES_BYTES:
            break
        batch.append(line.popleft())
    return batch
