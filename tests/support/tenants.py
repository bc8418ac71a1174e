"""Tenants with large route tables, started with them: registering 10,000 takes minutes."""

from collections.abc import Sequence
from datetime import UTC, datetime

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus

from hookwright.ids import new_endpoint_id, tenant_workflow_id
from hookwright.models import Route, TenantSettings, TenantView
from hookwright.routing import RouteTable, TenantState
from hookwright.temporal import MemoKey, routes_key
from workflows.tenant import Tenant


def short_routes(number: int, event_type: str = "invoice.*") -> list[Route]:
    """Return routes as short subscriptions have them, of endpoints with ids of our own making."""
    return [
        Route(endpoint_id=new_endpoint_id(), version=1, event_types=[event_type])
        for _ in range(number)
    ]


def full_table() -> list[Route]:
    """Return routes that fill a table, each with as many long event types as an endpoint may have.

    Not one more of them fits.
    """
    table = RouteTable([])
    types = [f"{number:x<128}" for number in range(50)]
    while True:
        route = Route(endpoint_id=f"{len(table):e<64}", version=1, event_types=types)
        if table.put(route):
            return [each for routes in table.slices() for each in routes]


async def start_tenant(
    client: Client, task_queue: str, tenant_id: str, routes: Sequence[Route]
) -> None:
    """Start a tenant as it goes on after it continued as new with this table."""
    now = datetime.now(UTC)
    slices = RouteTable([list(routes)]).packed()
    state = TenantState(
        tenant_id=tenant_id, version=1, created_at=now, updated_at=now, routes=slices
    )
    view = TenantView.of(tenant_id, TenantSettings(), now, now)
    memo = {routes_key(number): it for number, it in enumerate(slices)}
    await client.start_workflow(
        Tenant.run,
        state,
        id=tenant_workflow_id(tenant_id),
        task_queue=task_queue,
        memo={MemoKey.TENANT: view, **memo},
    )


async def running(client: Client, tenant_id: str) -> WorkflowExecutionDescription:
    """Return the tenant's description; it must be alive."""
    description = await client.get_workflow_handle(tenant_workflow_id(tenant_id)).describe()
    assert description.status is WorkflowExecutionStatus.RUNNING
    return description
