"""What facades show of deliveries: the log of a webhook, a replay, and what came of a test event.

Documents that name these things print no answer. So all facades share one form, in camelCase. A log
can be long: a `Link` header has the URL of the next page.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Self
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from pydantic import Field

from api.facades.contract_webhooks import CamelCaseModel, ContractWebhooks, Moment
from api.http import Cursor, Limit, not_found
from api.routes.parameters import DeliveryKey
from api.services.deliveries import DeliveryFilter, DeliveryView
from hookwright.ids import EventType
from hookwright.models import Attempt
from hookwright.outcomes import DeliveryState, Outcome

STATUS_BY_STATE = {
    DeliveryState.DELIVERED: "success",
    DeliveryState.EXHAUSTED: "failed",
    DeliveryState.EXPIRED: "failed",
    DeliveryState.HELD: "pending",
}
"""A 2xx is a success, and a delivery whose retries are over has failed. Other states are shown
under their own names."""

LINK_HEADER: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "Link": {
                "description": '`<next page>; rel="next"` (RFC 8288). The last page has none.',
                "schema": {"type": "string"},
            }
        }
    }
}


class WebhookAttemptRead(CamelCaseModel):
    """One attempt of a delivery. If no answer came, `statusCode` is null and `error` says why."""

    number: int
    started_at: Moment
    duration_ms: int
    status_code: int | None
    response_body: str | None
    error: str | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Return an attempt as facades answer it."""
        fields = attempt.model_dump(include=set(cls.model_fields))
        return cls.model_validate(fields, by_name=True)


class WebhookDeliveryRead(CamelCaseModel):
    """A delivery. Its `status` is `pending`, `success`, `failed` or `cancelled`."""

    id: str
    event_id: str
    type: str
    status: str
    attempts: list[WebhookAttemptRead]
    next_attempt_at: Moment | None
    created_at: Moment

    @classmethod
    def of(cls, delivery: DeliveryView) -> Self:
        """Return a delivery as facades answer it."""
        return cls.model_validate(
            {
                "id": delivery.id,
                "event_id": delivery.event_id,
                "type": delivery.event_type,
                "status": STATUS_BY_STATE.get(delivery.state, delivery.state.value),
                "attempts": list(map(WebhookAttemptRead.of, delivery.attempts)),
                "next_attempt_at": delivery.next_attempt_at,
                "created_at": delivery.created_at,
            },
            by_name=True,
        )


class WebhookTestRequest(CamelCaseModel):
    """The test event to send."""

    type: EventType | None = Field(
        default=None, description="Default: the first type that the webhook has subscribed to."
    )


class WebhookTestRead(CamelCaseModel):
    """What came of a test event. `delivered`: the receiver answered with a 2xx status in time."""

    type: str
    delivered: bool
    duration_ms: int
    status_code: int | None
    response_body: str | None
    error: str | None

    @classmethod
    def of(cls, event_type: str, attempt: Attempt) -> Self:
        """Return the attempt that sent a test event as facades answer it."""
        fields = attempt.model_dump(include=set(cls.model_fields))
        delivered = attempt.outcome is Outcome.DELIVERED
        return cls.model_validate(
            {**fields, "type": event_type, "delivered": delivered}, by_name=True
        )


@dataclass(frozen=True)
class LogPage:
    """The page of a webhook's log that a request asks for."""

    request: Request
    response: Response
    limit: int
    cursor: str | None

    async def read(self, webhooks: ContractWebhooks, webhook_id: str) -> list[WebhookDeliveryRead]:
        """Return the page, newest first, and set the header that leads to the next one.

        Raises:
            Problem: 404, there is no such webhook; 422, the cursor is not one of this list.
        """
        await webhooks.get(webhook_id)
        page = await webhooks.services.deliveries.page(
            webhooks.tenant_id, DeliveryFilter(endpoint_id=webhook_id), self.limit, self.cursor
        )
        if page.next_cursor:
            query = urlencode({"limit": self.limit, "cursor": page.next_cursor})
            self.response.headers["Link"] = f'<{self.request.url.path}?{query}>; rel="next"'
        return list(map(WebhookDeliveryRead.of, page.data))


async def _log_page(
    request: Request, response: Response, limit: Limit = 50, cursor: Cursor = None
) -> LogPage:
    return LogPage(request, response, limit, cursor)


LogPageDependency = Annotated[LogPage, Depends(_log_page)]


async def read_delivery(
    webhooks: ContractWebhooks, webhook_id: str, delivery: DeliveryKey
) -> WebhookDeliveryRead:
    """Return a delivery of a webhook.

    Raises:
        Problem: 404, there is no such webhook, or it has no such delivery.
    """
    await webhooks.get(webhook_id)
    if delivery.endpoint_id != webhook_id:
        raise not_found("delivery")
    return WebhookDeliveryRead.of(
        await webhooks.services.deliveries.get(webhooks.tenant_id, webhook_id, delivery.event_id)
    )


async def replay(
    webhooks: ContractWebhooks, webhook_id: str, delivery: DeliveryKey
) -> WebhookDeliveryRead:
    """Send a delivery again, or attempt it now if it has not ended, and return it.

    Raises:
        Problem: 404 as `read_delivery`.
    """
    await read_delivery(webhooks, webhook_id, delivery)
    await webhooks.services.retries.retry(webhooks.tenant_id, webhook_id, delivery.event_id)
    return await read_delivery(webhooks, webhook_id, delivery)
