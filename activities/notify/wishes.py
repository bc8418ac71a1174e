"""Whom a tenant wants to be told, as its memo says it."""

from temporalio.client import Client, WorkflowExecutionStatus

from hookwright.ids import tenant_workflow_id
from hookwright.models import NotifySettings
from hookwright.temporal import MemoKey, described


async def wishes_of(client: Client, tenant_id: str) -> NotifySettings | None:
    """Return whom a tenant wants to be told; None if nobody, or if the tenant is gone."""
    tenant = await described(client, tenant_workflow_id(tenant_id))
    if tenant is None or tenant.status is not WorkflowExecutionStatus.RUNNING:
        return None
    wishes: NotifySettings | None = await tenant.memo_value(
        MemoKey.NOTIFY, None, type_hint=NotifySettings
    )
    return wishes
