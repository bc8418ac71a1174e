"""Operational events: an endpoint's health, told to its tenant and to the operator."""

import asyncio
import hashlib
from dataclasses import dataclass

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from hookwright.health import ENOUGH_SECONDS, Notice
from hookwright.models import EventInput
from hookwright.temporal import publish


@dataclass(frozen=True)
class Notices:
    """The activity of `Endpoint` that publishes."""

    client: Client
    operator_tenant: str | None
    events_queue: str

    @activity.defn
    async def publish(self, tenant_id: str, endpoint_id: str, notices: list[Notice]) -> int:
        """Publish notices as events, for ENOUGH_SECONDS; return how many of them are published.

        Safe to repeat, for the events' ids are derived.
        """
        clock, published = asyncio.get_running_loop().time, 0
        end = clock() + ENOUGH_SECONDS
        for notice in notices:
            activity.heartbeat()
            for tenant in dict.fromkeys((tenant_id, self.operator_tenant or tenant_id)):
                await self._publish(tenant, tenant_id, endpoint_id, notice)
            published += 1
            if clock() >= end:
                break
        return published

    async def _publish(self, to: str, tenant_id: str, endpoint_id: str, notice: Notice) -> None:
        identity = f"{tenant_id} {endpoint_id} {notice.number}"
        event = EventInput(
            tenant_id=to,
            id=f"op_{hashlib.sha256(identity.encode()).hexdigest()[:32]}",
            type=notice.type,
            data={
                "tenant_id": tenant_id,
                "endpoint_id": endpoint_id,
                **notice.data,
                **({"more": notice.more} if notice.more else {}),
            },
            operational=True,
        )
        try:
            await publish(self.client, event, task_queue=self.events_queue)
        except WorkflowAlreadyStartedError:
            return
