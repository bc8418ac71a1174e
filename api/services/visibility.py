"""Temporal's visibility, as many calls at a time as a production server bears."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
)
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from api.errors import Problem, unavailable
from api.services.temporal import RPC_TIMEOUT
from api.services.windows import NEWEST, OLDEST, Place, Row

CALLS_AT_ONCE = 4
MAX_WAITING = 32
"""Calls of this process that wait for one of these: at 10 a second, no more would have a turn."""

PAUSE_SECONDS = 0.1
"""Between two tries. The SDK's own retries go on for 10 s."""

AGAIN = (RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.UNAVAILABLE)


@dataclass
class Visibility:
    """Lists executions, in an order of its own."""

    client: Client
    waiting: int = 0
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CALLS_AT_ONCE))

    async def rows(
        self, query: str, lower: Place, upper: Place, size: int, until: float
    ) -> tuple[list[Row], bool]:
        """Return executions from one place on and before another, and whether there are more.

        It waits for its turn, and tries again when refused, until the loop's time is `until`. A
        call that is slow, not refused, has RPC_TIMEOUT.

        Raises:
            Problem: 503, too many lists were asked for.
        """
        request = ListWorkflowExecutionsRequest(
            namespace=self.client.namespace,
            query=query + between_places(lower, upper),
            page_size=size,
        )
        async with self._turn(until):
            answer = await self._ask(request, until)
        return [_row(each) for each in answer.executions], bool(answer.next_page_token)

    async def _ask(
        self, request: ListWorkflowExecutionsRequest, until: float
    ) -> ListWorkflowExecutionsResponse:
        clock = asyncio.get_running_loop().time
        while True:
            try:
                return await self.client.workflow_service.list_workflow_executions(
                    request, retry=False, timeout=RPC_TIMEOUT
                )
            except RPCError as error:
                if error.status not in AGAIN:
                    raise
                pause = PAUSE_SECONDS * random.uniform(0.5, 1.5)  # noqa: S311 - not a secret
                if clock() + pause > until:
                    if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
                        raise _limited() from None
                    raise
            await asyncio.sleep(pause)

    @asynccontextmanager
    async def _turn(self, until: float) -> AsyncIterator[None]:
        if self.waiting >= MAX_WAITING:
            raise _limited()
        self.waiting += 1
        try:
            async with asyncio.timeout_at(until):
                await self.turns.acquire()
        except TimeoutError:
            raise _limited() from None
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self.turns.release()


def between_places(lower: Place, upper: Place) -> str:
    """Return visibility conditions for what is at or above one place, and below another.

    Numbers are nanoseconds; visibility on SQL keeps microseconds, of rows and conditions alike.
    """
    conditions = ""
    if lower != OLDEST:
        at = f"StartTime = {lower.started} AND RunId >= '{lower.run_id}'"
        conditions += f" AND (StartTime > {lower.started} OR ({at}))"
    if upper != NEWEST:
        at = f"StartTime = {upper.started} AND RunId < '{upper.run_id}'"
        conditions += f" AND (StartTime < {upper.started} OR ({at}))"
    return conditions


def _row(info: WorkflowExecutionInfo) -> Row:
    place = Place(info.start_time.ToNanoseconds(), info.execution.run_id)
    status = WorkflowExecutionStatus(info.status)
    return Row(info.execution.workflow_id, place, status, info.memo)


def _limited() -> Problem:
    return unavailable(
        "too many lists at once: Temporal's visibility limits them; repeat, or read by id, which"
        " it does not limit"
    )
