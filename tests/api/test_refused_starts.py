"""An update that comes with a start, and that Temporal refuses, leaves nothing to log."""

import asyncio
import gc
from datetime import timedelta
from typing import Any

import pytest
from support.stack import unique
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from api.http import Problem
from api.services.temporal import updating
from hookwright.routing import TenantState
from workflows.tenant import Tenant


@pytest.mark.parametrize("kind", ["refused", "too late"])
async def test_the_error_of_a_start_is_asked_for(client: Client, kind: str) -> None:
    """Asyncio has no error to log that nobody asked for."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    start = WithStartWorkflowOperation(
        Tenant.run,
        TenantState(tenant_id="t"),
        id=unique("tenant") if kind == "too late" else "x" * 2_000,
        task_queue="nobody",
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    with pytest.raises((RPCError, Problem)):
        async with updating("tenant", start):
            await client.execute_update_with_start_workflow(
                "put",
                start_workflow_operation=start,
                rpc_timeout=timedelta(seconds=1),
            )
    del start
    gc.collect()
    await asyncio.sleep(0)
    assert told == []
