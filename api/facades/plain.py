"""The facade of `plain`: `/api/v1/webhooks`, with the delivery log and replays.

The document shows requests but no answers. So the answers use the field names of the requests
(`url`, `events`, `createdAt`), and lists are arrays.
"""

from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter
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
from api.facades.deliveries import (
    LINK_HEADER,
    LogPageDependency,
    WebhookDeliveryRead,
    read_delivery,
    replay,
)
from api.routes.parameters import DeliveryIdDependency, IdempotencyKey
from api.routes.strict_route import StrictRoute
from hookwright.ids import Name
from hookwright.models import EndpointState

router = APIRouter(prefix="/api/v1/webhooks", tags=["plain"], route_class=StrictRoute)
deliveries_router = APIRouter(prefix="/api/v1/webhooks", tags=["plain"], route_class=StrictRoute)

Webhooks = Annotated[ContractWebhooks, contract_webhooks("plain", event_types="events")]


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
async def list_plain_deliveries(
    webhook_id: Name, webhooks: Webhooks, page: LogPageDependency
) -> list[WebhookDeliveryRead]:
    """List a webhook's deliveries with all their attempts, newest first."""
    return await page.read(webhooks, webhook_id)


@deliveries_router.get("/{webhook_id}/deliveries/{delivery_id}", responses=READS)
async def get_plain_delivery(
    webhook_id: Name, delivery_id: DeliveryIdDependency, webhooks: Webhooks
) -> WebhookDeliveryRead:
    """Read a delivery of a webhook with all its attempts."""
    return await read_delivery(webhooks, webhook_id, delivery_id)


@deliveries_router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=HTTPStatus.ACCEPTED,
    responses=DELETES,
)
async def replay_plain_delivery(
    webhook_id: Name, delivery_id: DeliveryIdDependency, webhooks: Webhooks
) -> WebhookDeliveryRead:
    """Send a delivery again, with the same `X-Webhook-Id`. A pending one is attempted now."""
    return await replay(webhooks, webhook_id, delivery_id)
