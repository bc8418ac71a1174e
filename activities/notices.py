"""Operational events: an endpoint's health, told to its tenant and to the operator."""

import hashlib
from dataclasses import dataclass

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from hookwright.client import publish
from hookwright.models import EventInput
from hookwright.reports import Notice


@dataclass(frozen=True)
class Notices:
    """The activity of `Endpoint` that publishes."""

    client: Client
    operator_tenant: str | None
    events_queue: str

    @activity.defn
    async def publish(self, tenant_id: str, endpoint_id: str, notices: list[Notice]) -> None:
        """Publish notices as events; safe to repeat, for their ids are derived."""
        for tenant in dict.fromkeys((tenant_id, self.operator_tenant or tenant_id)):
            for notice in notices:
                activity.heartbeat()
                await self._publish(tenant, tenant_id, endpoint_id, notice)

    async def _publish(self, to: str, tenant_id: str, endpoint_id: str, notice: Notice) -> None:
        identity = f"{tenant_id} {endpoint_id} {notice.number}"
        event = EventInput(
            tenant_id=to,
            id=f"op_{hashlib.sha256(identity.encode()).hexdigest()[:32]}",
            type=notice.type,
            data={"tenant_id": tenant_id, "endpoint_id": endpoint_id, **notice.data},
            operational=True,
        )
        try:
            await publish(self.client, event, task_queue=self.events_queue)
        except WorkflowAlreadyStartedError:
            return
