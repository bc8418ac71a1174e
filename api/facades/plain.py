"""The facade of `plain`: `/api/v1/webhooks`, with the delivery log.

The document prints what a client sends and no answer: the answers take its field names (`url`,
`events`, `createdAt`), and lists are bare arrays. The log can be long: a `Link` header leads on.
"""

from http import HTTPStatus
from typing import Annotated, Any, Self
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.facades.own import (
    DELETES,
    READS,
    WRITES,
    CamelCased,
    EventTypes,
    Moment,
    OwnWebhooks,
    own_webhooks,
)
from api.http import Cursor, Limit
from api.routes.endpoints import IdempotencyKey
from api.routes.strict_route import StrictRoute
from api.services.deliveries import DeliveryFilter, DeliveryView
from hookwright.ids import Name
from hookwright.models import Attempt, EndpointState
from hookwright.outcomes import DeliveryState

router = APIRouter(prefix="/api/v1/webhooks", tags=["plain"], route_class=StrictRoute)
log = APIRouter(prefix="/api/v1/webhooks", tags=["plain"], route_class=StrictRoute)

Webhooks = Annotated[OwnWebhooks, own_webhooks("plain", event_types="events")]

STATUS = {
    DeliveryState.DELIVERED: "success",
    DeliveryState.EXHAUSTED: "failed",
    DeliveryState.EXPIRED: "failed",
    DeliveryState.HELD: "pending",
}
"""The document: "Mark success on 2xx. After max retries, mark failed"."""

LINK: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "Link": {
                "description": '`<next page>; rel="next"` (RFC 8288), but on the last page.',
                "schema": {"type": "string"},
            }
        }
    }
}


class PlainCreate(CamelCased):
    """What registers a webhook."""

    url: str
    events: EventTypes
    secret: str


class PlainChange(CamelCased):
    """The fields to change; what is left out stays."""

    url: str = ""
    events: EventTypes = Field(default=["*"])


class PlainWebhook(CamelCased):
    """A webhook as answered."""

    id: str
    url: str
    events: list[str]
    created_at: Moment

    @classmethod
    def of(cls, endpoint: EndpointState) -> Self:
        """Return the answer for an endpoint."""
        config = endpoint.active_config
        return cls.model_validate(
            {
                "id": endpoint.endpoint_id,
                "url": config.url,
                "events": config.event_types,
                "created_at": endpoint.created_at,
            },
            by_name=True,
        )


class PlainAttempt(CamelCased):
    """One POST. Without a `statusCode` nothing answered; `error` says why."""

    number: int
    started_at: Moment
    duration_ms: int
    status_code: int | None
    response_body: str | None
    error: str | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Return the answer for an attempt."""
        fields = attempt.model_dump(include=set(cls.model_fields))
        return cls.model_validate(fields, by_name=True)


class PlainDelivery(CamelCased):
    """A delivery: `status` is pending, success, failed or cancelled."""

    id: str
    event_id: str
    type: str
    status: str
    attempts: list[PlainAttempt]
    next_attempt_at: Moment | None
    created_at: Moment

    @classmethod
    def of(cls, delivery: DeliveryView) -> Self:
        """Return the answer for a delivery."""
        return cls.model_validate(
            {
                "id": delivery.id,
                "event_id": delivery.event_id,
                "type": delivery.event_type,
                "status": STATUS.get(delivery.state, delivery.state.value),
                "attempts": list(map(PlainAttempt.of, delivery.attempts)),
                "next_attempt_at": delivery.next_attempt_at,
                "created_at": delivery.created_at,
            },
            by_name=True,
        )


@router.post("", status_code=HTTPStatus.CREATED, responses=WRITES)
async def create_plain_webhook(
    body: PlainCreate, webhooks: Webhooks, idempotency_key: IdempotencyKey = None
) -> PlainWebhook:
    """Register a webhook."""
    created = await webhooks.create(
        webhooks.id_for(idempotency_key),
        secret=body.secret,
        url=body.url,
        event_types=body.events,
    )
    return PlainWebhook.of(created)


@router.get("", responses=READS)
async def list_plain_webhooks(webhooks: Webhooks) -> list[PlainWebhook]:
    """List the webhooks, oldest first."""
    return list(map(PlainWebhook.of, await webhooks.all()))


@router.patch("/{webhook_id}", responses=WRITES)
async def change_plain_webhook(
    webhook_id: Name, body: PlainChange, webhooks: Webhooks
) -> PlainWebhook:
    """Change a webhook. The very next attempt, a waiting retry's too, uses what was changed."""
    changes = body.model_dump(exclude_unset=True)
    if "events" in changes:
        changes["event_types"] = changes.pop("events")
    return PlainWebhook.of(await webhooks.change(webhook_id, changes))


@router.delete("/{webhook_id}", status_code=HTTPStatus.NO_CONTENT, responses=DELETES)
async def delete_plain_webhook(webhook_id: Name, webhooks: Webhooks) -> None:
    """Delete a webhook; deliveries that wait for it are cancelled."""
    await webhooks.delete(webhook_id)


@log.get("/{webhook_id}/deliveries", responses=READS | LINK)
async def list_plain_deliveries(  # noqa: PLR0913 - two are the page, two the framework's
    webhook_id: Name,
    webhooks: Webhooks,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> list[PlainDelivery]:
    """List a webhook's deliveries with every attempt, those that began last first."""
    await webhooks.get(webhook_id)
    page = await webhooks.services.deliveries.page(
        webhooks.tenant_id, DeliveryFilter(endpoint_id=webhook_id), limit, cursor
    )
    if page.next_cursor:
        query = urlencode({"limit": limit, "cursor": page.next_cursor})
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return list(map(PlainDelivery.of, page.data))
