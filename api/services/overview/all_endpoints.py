"""The service of endpoints of all tenants: the red ones, the paused ones, for an operator."""

from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.client import Client, WorkflowExecutionStatus

from api.http import Page
from api.services.lists import ExecutionLists
from hookwright.models import EndpointState
from hookwright.outcomes import Colour, EndpointStatus
from hookwright.temporal import (
    ENDPOINT_HEALTH,
    ENDPOINT_STATUS,
    MemoKey,
    Row,
    WorkflowType,
    attribute_in_or_unset,
    converter_of,
    executions_of,
    has_status,
)

NOT_GREEN = (Colour.RED, Colour.YELLOW)


@dataclass(frozen=True)
class AllEndpointsFilter:
    """Which endpoints a list shows: those that match all that is given."""

    status: EndpointStatus | None = None
    health: Colour | None = None

    def query(self) -> str:
        """Return a query that finds them, and others as well.

        Red and yellow turn into each other, and into green, only because attempts grow old, while
        the search attribute stays. Endpoints that an earlier version started have none until they
        change.
        """
        failing = self.health in NOT_GREEN
        return executions_of(
            WorkflowType.ENDPOINT,
            has_status(WorkflowExecutionStatus.RUNNING),
            attribute_in_or_unset(ENDPOINT_STATUS, [self.status]) if self.status else "",
            attribute_in_or_unset(ENDPOINT_HEALTH, NOT_GREEN) if failing else "",
        )

    def matches(self, endpoint: EndpointState, now: datetime) -> bool:
        """Return whether an endpoint matches as it is now."""
        return self.status in (None, endpoint.status) and (
            self.health in (None, endpoint.health.colour(now))
        )


@dataclass(frozen=True)
class AllEndpointsService:
    """Lists the endpoints of all tenants. It reads what visibility has: about a second behind."""

    client: Client
    lists: ExecutionLists

    async def page(
        self,
        limit: int,
        cursor: str | None,
        *,
        status: EndpointStatus | None = None,
        health: Colour | None = None,
    ) -> Page[EndpointState]:
        """Return a page of endpoints, those first whose last run began last.

        An endpoint whose workflow continues as new during a walk may be left out of it.

        Raises:
            Problem: 422, a foreign cursor; 503, too many lists were asked for.
        """
        wanted = AllEndpointsFilter(status, health)

        async def shown(row: Row, _: int) -> EndpointState | None:
            payload = row.memo.fields.get(MemoKey.ENDPOINT)
            if payload is None:
                return None  # it is being created
            [found] = await converter_of(self.client, row.workflow_id).decode(
                [payload], [EndpointState]
            )
            endpoint = EndpointState.model_validate(found)
            created = endpoint.version and not endpoint.deleted
            return endpoint if created and wanted.matches(endpoint, datetime.now(UTC)) else None

        # Yellow and red have one query: the word keeps the cursor of one from the other's list.
        scope = f"{wanted.health or 'any'} endpoints"
        return await self.lists.page(wanted.query(), limit, cursor, shown, scope)
