"""The facade of `plain`: `/api/v1/webhooks`, with the delivery log.

The document shows requests but no answers. So the answers use the field names of the requests
(`url`, `events`, `createdAt`), and lists are arrays. The delivery log can be long: a `Link` header
has the URL of the next page.
"""

from http import HTTPStatus
from typing import Annotated, Any, Self
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.facades.contract_webhooks import (
    DELETES,
    READS,
    WRITES,
    CamelCaseModel,
    ContractWebhooks,
    EventTypes,
    Moment,
    contract_webhooks,
)
from api.http import Cursor, Limit
from api.routes.parameters import IdempotencyKey
from api.routes.strict_route import StrictRoute
from api.services.deliveries import DeliveryFilter, DeliveryView
from hookwright.ids import Name
from hookwright.models import Attempt, EndpointState
from hookwright.outcomes import DeliveryState

router = APIRouter(prefix="/api/v1/webhooks", tags=["plain"], route_class=StrictRoute)
deliveries_router = APIRouter(prefix="/api/v1/webhooks", tags=["plain"], route_class=StrictRoute)

Webhooks = Annotated[ContractWebhooks, contract_webhooks("plain", event_types="events")]

STATUS_BY_STATE = {
    DeliveryState.DELIVERED: "success",
    DeliveryState.EXHAUSTED: "failed",
    DeliveryState.EXPIRED: "failed",
    DeliveryState.HELD: "pending",
}
"""The document says: "Mark success on 2xx. After max retries, mark failed"."""

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


class PlainCreateRequest(CamelCaseModel):
    """A new webhook."""

    url: str
    events: EventTypes
    secret: str


class PlainChangeRequest(CamelCaseModel):
    """The fields to change. Fields that are left out keep their values."""

    url: str = ""
    events: EventTypes = Field(default=["*"])


class PlainWebhookRead(CamelCaseModel):
    """A webhook, without its secret."""

    id: str
    url: str
    events: list[str]
    created_at: Moment

    @classmethod
    def of(cls, endpoint: EndpointState) -> Self:
        """Return an endpoint as the facade answers it."""
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


class PlainAttemptRead(CamelCaseModel):
    """One attempt of a delivery. If no answer came, `statusCode` is null and `error` says why."""

    number: int
    started_at: Moment
    duration_ms: int
    status_code: int | None
    response_body: str | None
    error: str | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Return an attempt as the facade answers it."""
        fields = attempt.model_dump(include=set(cls.model_fields))
        return cls.model_validate(fields, by_name=True)


class PlainDeliveryRead(CamelCaseModel):
    """A delivery. Its `status` is `pending`, `success`, `failed` or `cancelled`."""

    id: str
    event_id: str
    type: str
    status: str
    attempts: list[PlainAttemptRead]
    next_attempt_at: Moment | None
    created_at: Moment

    @classmethod
    def of(cls, delivery: DeliveryView) -> Self:
        """Return a delivery as the facade answers it."""
        return cls.model_validate(
            {
                "id": delivery.id,
                "event_id": delivery.event_id,
                "type": delivery.event_type,
                "status": STATUS_BY_STATE.get(delivery.state, delivery.state.value),
                "attempts": list(map(PlainAttemptRead.of, delivery.attempts)),
                "next_attempt_at": delivery.next_attempt_at,
                "created_at": delivery.created_at,
            },
            by_name=True,
        )


@router.post("", status_code=HTTPStatus.CREATED, responses=WRITES)
async def create_plain_webhook(
    body: PlainCreateRequest, webhooks: Webhooks, idempotency_key: IdempotencyKey = None
) -> PlainWebhookRead:
    """Create a webhook."""
    created = await webhooks.create(
        webhooks.id_for(idempotency_key),
        secret=body.secret,
        url=body.url,
        event_types=body.events,
    )
    return PlainWebhookRead.of(created)


@router.get("", responses=READS)
async def list_plain_webhooks(webhooks: Webhooks) -> list[PlainWebhookRead]:
    """List the webhooks, oldest first."""
    return list(map(PlainWebhookRead.of, await webhooks.all()))


@router.patch("/{webhook_id}", responses=WRITES)
async def change_plain_webhook(
    webhook_id: Name, body: PlainChangeRequest, webhooks: Webhooks
) -> PlainWebhookRead:
    """Change a webhook. The next attempt uses the new values, also if it is a retry."""
    changes = body.model_dump(exclude_unset=True)
    if "events" in changes:
        changes["event_types"] = changes.pop("events")
    return PlainWebhookRead.of(await webhooks.change(webhook_id, changes))


@router.delete("/{webhook_id}", status_code=HTTPStatus.NO_CONTENT, responses=DELETES)
async def delete_plain_webhook(webhook_id: Name, webhooks: Webhooks) -> None:
    """Delete a webhook. Deliveries that wait for it are cancelled."""
    await webhooks.delete(webhook_id)


@deliveries_router.get("/{webhook_id}/deliveries", responses=READS | LINK_HEADER)
async def list_plain_deliveries(  # noqa: PLR0913 - two parameters for the page, two of FastAPI
    webhook_id: Name,
    webhooks: Webhooks,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> list[PlainDeliveryRead]:
    """List a webhook's deliveries with all their attempts, newest first."""
    await webhooks.get(webhook_id)
    page = await webhooks.services.deliveries.page(
        webhooks.tenant_id, DeliveryFilter(endpoint_id=webhook_id), limit, cursor
    )
    if page.next_cursor:
        query = urlencode({"limit": limit, "cursor": page.next_cursor})
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return list(map(PlainDeliveryRead.of, page.data))
