"""The beginning of a message: a notice becomes a `Notification` workflow, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.common import WorkflowIDReusePolicy as Reuse
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.notify.wishes import wishes_of
from hookwright.health import Notice
from hookwright.ids import endpoint_workflow_id, notification_workflow_id
from hookwright.models import EndpointRef, EndpointState, NotificationInput, NotifySettings
from hookwright.temporal import (
    ENDPOINT_ID,
    TENANT_ID,
    WorkflowType,
    described,
    endpoint_of,
    fair_share,
)

EXHAUSTED = "delivery.exhausted"
TOLD = ("endpoint.warned", "endpoint.disabled", "endpoint.recovered", EXHAUSTED)
"""The types of notices that people are told."""


@dataclass(frozen=True)
class NotificationStarter:
    """Starts messages. Without a mail server (`mails`) only those to chats."""

    client: Client
    queue: str
    mails: bool

    async def audience(self, endpoint: EndpointRef, notices: Sequence[Notice]) -> "Audience | None":
        """Return who is told of these notices; None if nobody is.

        For a tenant that has no `notify` this costs one read, and nothing is written.
        """
        if not any(notice.type in TOLD for notice in notices):
            return None
        wishes = await wishes_of(self.client, endpoint.tenant_id)
        if wishes is None or not (wishes.slack_url or (wishes.emails and self.mails)):
            return None
        workflow_id = endpoint_workflow_id(endpoint.tenant_id, endpoint.endpoint_id)
        state = await endpoint_of(await described(self.client, workflow_id))
        return Audience(self, endpoint, tuple(notices), wishes, state) if state else None

    async def start(self, notification: NotificationInput, notice: str) -> None:
        """Start a message, unless it was started before.

        Its id stays taken for as long as Temporal keeps what has ended, so that a repeat of the
        activity tells nobody twice.
        """
        endpoint = notification.endpoint
        try:
            await self.client.start_workflow(
                WorkflowType.NOTIFICATION,
                notification,
                id=notification_workflow_id(endpoint.tenant_id, endpoint.endpoint_id, notice),
                task_queue=self.queue,
                id_reuse_policy=Reuse.REJECT_DUPLICATE,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(TENANT_ID, endpoint.tenant_id),
                        SearchAttributePair(ENDPOINT_ID, endpoint.endpoint_id),
                    ]
                ),
                static_summary=notification.type,
                priority=fair_share(endpoint.tenant_id),
            )
        except WorkflowAlreadyStartedError:
            return


@dataclass(frozen=True)
class Audience:
    """Who is told of an endpoint's notices, and what the endpoint is like now."""

    starter: NotificationStarter
    endpoint: EndpointRef
    notices: tuple[Notice, ...]
    wishes: NotifySettings
    state: EndpointState

    async def tell(self, notice: Notice, now: datetime) -> None:
        """Start the message of a notice. Exhausted deliveries of one hour have one in common.

        `now` stands for the time of a notice that an earlier version made, which has none.
        """
        if notice.type not in TOLD:
            return
        at = notice.at or now
        exhausted = notice.type == EXHAUSTED
        hour = _hour(at)
        alike = [
            other
            for other in self.notices
            if other.type == EXHAUSTED and _hour(other.at or now) == hour
        ]
        await self.starter.start(
            NotificationInput(
                endpoint=self.endpoint,
                type=notice.type,
                at=at,
                data=notice.data,
                url=self.state.active_config.url,
                description=self.state.active_config.description,
                held=self._held(notice),
                last_error=notice.last_error or self._last_error(exhausted=exhausted),
                count=sum(1 + other.more for other in alike) if exhausted else 1,
                emails=self.wishes.emails if self.starter.mails else [],
                slack=self.wishes.slack_url is not None,
            ),
            f"exhausted-{hour}" if exhausted else str(notice.number),
        )

    def _held(self, notice: Notice) -> int:
        """Return how many deliveries were held: what a recovery releases is soon held no more."""
        then = notice.data.get("held")
        return then if isinstance(then, int) else self.state.health.queue.held

    def _last_error(self, *, exhausted: bool) -> str | None:
        return self.state.health.streak.last_error if exhausted else None


def _hour(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H")
