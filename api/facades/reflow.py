"""The facade of `reflow`: `/v1/webhooks`.

The document prints no list. It prints a webhook bare, under no `data`, so a list is a bare array of
the same objects.
"""

from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter

from api.facades.own import (
    DELETES,
    READS,
    WRITES,
    Documented,
    EventTypes,
    Moment,
    OwnWebhooks,
    own_webhooks,
)
from api.routes.endpoints import IdempotencyKey
from api.routes.strict_route import StrictRoute
from hookwright.ids import Name
from hookwright.models import EndpointState

router = APIRouter(prefix="/v1/webhooks", tags=["reflow"], route_class=StrictRoute)

Webhooks = Annotated[OwnWebhooks, own_webhooks("reflow", event_types="events")]


class ReflowCreate(Documented):
    """What registers a webhook."""

    url: str
    events: EventTypes
    secret: str


class ReflowChange(Documented):
    """What can be changed."""

    events: EventTypes


class ReflowWebhook(Documented):
    """A webhook as answered."""

    id: str
    url: str
    events: list[str]
    status: str
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
                "status": endpoint.status.value,
                "created_at": endpoint.created_at,
            }
        )


@router.post("", status_code=HTTPStatus.CREATED, responses=WRITES)
async def create_reflow_webhook(
    body: ReflowCreate, webhooks: Webhooks, idempotency_key: IdempotencyKey = None
) -> ReflowWebhook:
    """Register a webhook."""
    created = await webhooks.create(
        webhooks.id_for(idempotency_key),
        secret=body.secret,
        url=body.url,
        event_types=body.events,
    )
    return ReflowWebhook.of(created)


@router.get("", responses=READS)
async def list_reflow_webhooks(webhooks: Webhooks) -> list[ReflowWebhook]:
    """List the webhooks, oldest first."""
    return list(map(ReflowWebhook.of, await webhooks.all()))


@router.patch("/{webhook_id}", responses=WRITES)
async def change_reflow_webhook(
    webhook_id: Name, body: ReflowChange, webhooks: Webhooks
) -> ReflowWebhook:
    """Change which events a webhook gets."""
    return ReflowWebhook.of(await webhooks.change(webhook_id, {"event_types": body.events}))


@router.delete("/{webhook_id}", status_code=HTTPStatus.NO_CONTENT, responses=DELETES)
async def delete_reflow_webhook(webhook_id: Name, webhooks: Webhooks) -> None:
    """Delete a webhook."""
    await webhooks.delete(webhook_id)
