"""Calls to Temporal's visibility, which a production server limits to 10 a second."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    ListWorkflowExecutionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.http import Problem, unavailable
from hookwright import metrics
from hookwright.temporal import RPC_TIMEOUT, Order, Place, Row

PATIENCE_SECONDS = 0.7
"""How long a call goes on when visibility refuses: a refusal comes within a second."""

PAUSE_SECONDS = 0.1
"""Between two tries. The SDK's own retries go on for 10 s."""

Answer = TypeVar("Answer")

RETRYABLE = (RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.UNAVAILABLE)


@dataclass(frozen=True)
class Visibility:
    """Lists and counts executions."""

    client: Client

    async def rows(
        self, query: str, lower: Place, upper: Place, size: int, until: float
    ) -> tuple[list[Row], bool]:
        """Return executions from one place on and below another, and whether there are more.

        If visibility refuses the call, it is made again until the loop's time is `until`. A call
        that is slow ends after RPC_TIMEOUT.

        Raises:
            Problem: 503, too many lists were asked for.
        """
        order = Order.NEWEST_START_FIRST
        request = ListWorkflowExecutionsRequest(
            namespace=self.client.namespace,
            query=query + order.between(lower, upper),
            page_size=size,
        )
        answer = await _called(
            lambda: self.client.workflow_service.list_workflow_executions(
                request, retry=False, timeout=RPC_TIMEOUT
            ),
            until,
        )
        return [order.row(each) for each in answer.executions], bool(answer.next_page_token)

    async def by_status(self, query: str) -> Counter[str]:
        """Return how many executions have each status.

        Raises:
            Problem: 503, too many lists were asked for.
        """
        request = CountWorkflowExecutionsRequest(
            namespace=self.client.namespace, query=f"{query} GROUP BY ExecutionStatus"
        )
        answer = await _called(
            lambda: self.client.workflow_service.count_workflow_executions(
                request, retry=False, timeout=RPC_TIMEOUT
            ),
            asyncio.get_running_loop().time() + PATIENCE_SECONDS,
        )
        return Counter(
            {json.loads(group.group_values[0].data): group.count for group in answer.groups}
        )


async def _called(call: Callable[[], Awaitable[Answer]], until: float) -> Answer:
    """Call visibility; call again if it refuses, as long as there is time."""
    clock = asyncio.get_running_loop().time
    while True:
        try:
            return await call()
        except RPCError as error:
            if error.status not in RETRYABLE:
                raise
            pause = PAUSE_SECONDS * random.uniform(0.5, 1.5)  # noqa: S311 - not a secret
            if clock() + pause > until:
                if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
                    raise limited() from None
                raise
        await asyncio.sleep(pause)


def limited() -> Problem:
    """Return the 503 for a list that was refused too often, or waited too long."""
    metrics.refused(metrics.ApiLimit.LISTS)
    return unavailable(
        "too many lists at once: Temporal's visibility limits them; repeat, or read by id, which"
        " it does not limit"
    )
