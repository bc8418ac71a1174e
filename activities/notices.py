"""Notices: operational events about an endpoint's health, for its tenant and for the operator.

The people whom the tenant names in `notify` are told of some of them, too.
"""

import asyncio
import hashlib
from dataclasses import dataclass

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.notify import NotificationStarter
from hookwright.health import TURN_SECONDS, Notice
from hookwright.models import EndpointRef, EventInput, NoticesInput
from hookwright.temporal import ActivityName, publish


@dataclass(frozen=True)
class NoticeActivities:
    """The activity of `Endpoint` that publishes its notices."""

    client: Client
    operator_tenant: str | None
    events_queue: str
    notifications: NotificationStarter

    @activity.defn(name=ActivityName.PUBLISH_NOTICES)
    async def publish(self, request: NoticesInput) -> int:
        """Publish notices as events, for TURN_SECONDS. Return how many are published.

        It is safe to repeat, because the ids of the events and of the messages to people are
        derived from the notices.
        """
        activity.heartbeat()
        audience = await self.notifications.audience(request.endpoint, request.notices)
        clock, published = asyncio.get_running_loop().time, 0
        end = clock() + TURN_SECONDS
        for notice in request.notices:
            activity.heartbeat()
            owner = request.endpoint.tenant_id
            for tenant_id in dict.fromkeys((owner, self.operator_tenant or owner)):
                await self._publish(tenant_id, request.endpoint, notice)
            if audience:
                await audience.tell(notice, activity.info().scheduled_time)
            published += 1
            if clock() >= end:
                break
        return published

    async def _publish(self, tenant_id: str, endpoint: EndpointRef, notice: Notice) -> None:
        identity = f"{endpoint.tenant_id} {endpoint.endpoint_id} {notice.number}"
        event = EventInput(
            tenant_id=tenant_id,
            id=f"op_{hashlib.sha256(identity.encode()).hexdigest()[:32]}",
            type=notice.type,
            data={
                **endpoint.model_dump(),
                **notice.data,
                **({"more": notice.more} if notice.more else {}),
            },
            operational=True,
        )
        try:
            await publish(self.client, event, task_queue=self.events_queue)
        except WorkflowAlreadyStartedError:
            return
