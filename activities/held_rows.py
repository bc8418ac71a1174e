"""The held deliveries of an endpoint, as visibility has them, within what visibility may cost.

A Temporal server in production answers 10 calls to visibility a second for a namespace, and all
lists of the API share them. So the calls of a worker for held deliveries have a pace, tenants take
turns, and where the oldest were found is remembered: of 20,000 that visibility lists newest first
they would cost some twenty calls again in each turn of their endpoint.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from cachetools import LRUCache
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from activities.shares import FairPace
from hookwright.ids import endpoint_workflow_id
from hookwright.models import EndpointRef
from hookwright.outcomes import DeliveryState
from hookwright.temporal import (
    DELIVERY_STATE,
    ENDPOINT_ID,
    TENANT_ID,
    Bookmark,
    Order,
    Row,
    WorkflowType,
    attribute_is,
    executions_of,
    has_status,
    oldest_first,
)

CALLS_PER_SECOND = 5.0
"""Calls to visibility of one worker for held deliveries: half of what a server allows. Each brings
100 to 200 deliveries, so a thousand a second can be released."""

MAX_BOOKMARKS = 10_000

PAGE = 1_000
"""Held deliveries that are read at once where their order does not matter."""


@dataclass(frozen=True)
class HeldRows:
    """Reads from visibility which deliveries are held."""

    client: Client
    pace: FairPace = field(default_factory=lambda: FairPace(CALLS_PER_SECOND))
    _bookmarks: LRUCache[str, Bookmark] = field(
        default_factory=lambda: LRUCache(MAX_BOOKMARKS), init=False
    )

    def oldest(self, endpoint: EndpointRef) -> AsyncIterator[Row]:
        """Yield an endpoint's held deliveries in the order of acceptance."""
        key = endpoint_workflow_id(endpoint.tenant_id, endpoint.endpoint_id)
        return oldest_first(
            self.client,
            _held(endpoint),
            Order.OLDEST_ACCEPTED_FIRST,
            bookmark=self._bookmarks.setdefault(key, Bookmark()),
            before_call=lambda: self.pace.turn(endpoint.tenant_id),
        )

    async def in_any_order(
        self, endpoint: EndpointRef, condition: str = ""
    ) -> AsyncIterator[WorkflowExecution]:
        """Yield an endpoint's held deliveries, or those that meet a condition."""
        pages = self.client.list_workflows(_held(endpoint) + condition, page_size=PAGE)
        while True:
            await self.pace.turn(endpoint.tenant_id)
            await pages.fetch_next_page()
            for row in pages.current_page or []:
                yield row
            if not pages.next_page_token:
                return

    async def count(self, endpoint: EndpointRef) -> int:
        """Return how many of an endpoint's deliveries are held."""
        await self.pace.turn(endpoint.tenant_id)
        return (await self.client.count_workflows(_held(endpoint))).count


def _held(endpoint: EndpointRef) -> str:
    return executions_of(
        WorkflowType.DELIVERY,
        has_status(WorkflowExecutionStatus.RUNNING),
        attribute_is(DELIVERY_STATE, DeliveryState.HELD),
        attribute_is(TENANT_ID, endpoint.tenant_id),
        attribute_is(ENDPOINT_ID, endpoint.endpoint_id),
    )
