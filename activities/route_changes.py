"""Changes of tenants' route tables. Changes are grouped, so many of them need few updates."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.updates import update
from hookwright import metrics
from hookwright.ids import tenant_workflow_id
from hookwright.routing import Refusal, RouteChange, RouteChanges, RoutesChanged, TenantRouteChange
from hookwright.sizes import MAX_CHANGES, MAX_CHANGES_BYTES
from hookwright.temporal import Update

ANSWER_TIMEOUT = timedelta(seconds=4)
"""How long to wait for the answer to a change. A change that is not sent by then is dropped."""


class WaitingChange(NamedTuple):
    """A change, and a future that is done once the tenant has answered."""

    change: RouteChange
    answered: "asyncio.Future[Refusal | None]"


@dataclass(frozen=True)
class TenantRoutes:
    """Sends changes to tenants: a worker has one update at a time under way for each tenant.

    Changes that arrive meanwhile are sent together in the next update. So the number of updates
    under way needs no limit, and no change waits for the changes of another tenant.
    """

    client: Client
    _waiting: dict[str, deque[WaitingChange]] = field(default_factory=dict, init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def change(self, request: TenantRouteChange) -> None:
        """Change a tenant's route table. A read after this returns shows the change.

        Raises:
            ApplicationError: the tenant refuses the change, or does not exist. It is not retried.
            RPCError, TimeoutError: there is no answer. If the change was sent, it may still be
                made.
        """
        tenant_id = request.tenant_id
        answered = asyncio.get_running_loop().create_future()
        waiting = self._waiting.get(tenant_id)
        if waiting is None:
            waiting = self._waiting[tenant_id] = deque()
            task = asyncio.create_task(self._send(tenant_id, waiting))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        waiting.append(WaitingChange(request.change, answered))
        async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
            refusal = await answered
        if refusal:
            raise ApplicationError(refusal.message, type=refusal.type, non_retryable=True)

    async def _send(self, tenant_id: str, waiting: deque[WaitingChange]) -> None:
        """Send the waiting changes, and those that are added in the meantime."""
        try:
            while batch := _next_batch(waiting):
                await self._send_batch(tenant_id, batch)
        finally:
            del self._waiting[tenant_id]

    async def _send_batch(self, tenant_id: str, batch: list[WaitingChange]) -> None:
        metrics.group_committed("routes", len(batch))
        changes = RouteChanges(changes=[each.change for each in batch])
        try:
            answer: RoutesChanged = await update(
                self.client,
                tenant_workflow_id(tenant_id),
                Update.CHANGE_ROUTES,
                changes,
                ANSWER_TIMEOUT,
                RoutesChanged,
            )
        except Exception as error:  # noqa: BLE001 - it is raised in the callers of `change`
            for each in batch:
                if not each.answered.done():
                    each.answered.set_exception(error)
            return
        for each, refusal in zip(batch, answer.refusals, strict=True):
            if not each.answered.done():  # a caller that timed out no longer waits
                each.answered.set_result(refusal)


def _next_batch(waiting: deque[WaitingChange]) -> list[WaitingChange]:
    """Remove and return the changes that fit into one update; none if none are waiting.

    A change whose caller has timed out is dropped.
    """
    batch: list[WaitingChange] = []
    size = 0
    while waiting and len(batch) < MAX_CHANGES:
        if waiting[0].answered.done():
            waiting.popleft()
            continue
        size += waiting[0].change.size
        if batch and size > MAX_CHANGES_BYTES:
            break
        batch.append(waiting.popleft())
    return batch
