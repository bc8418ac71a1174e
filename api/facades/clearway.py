"""The facade of `clearway`: `/api/webhooks/marketplace`. Every answer stands under `data`.

The document reads `data.id` and `data.secret`; beside them stand the fields that were sent, and
`created` in unix seconds, as its events have it.
"""

from http import HTTPStatus
from typing import Annotated, Generic, Self, TypeVar

from fastapi import APIRouter
from pydantic import Field

from api.facades.own import (
    DELETES,
    READS,
    WRITES,
    Documented,
    EventTypes,
    OwnWebhooks,
    own_webhooks,
)
from api.routes.endpoints import IdempotencyKey
from api.routes.strict_route import StrictRoute
from hookwright.ids import Name
from hookwright.models import EndpointState
from hookwright.outcomes import EndpointStatus

router = APIRouter(prefix="/api/webhooks/marketplace", tags=["clearway"], route_class=StrictRoute)

Webhooks = Annotated[OwnWebhooks, own_webhooks("clearway", event_types="events")]
Answered = TypeVar("Answered")


class ClearwayCreate(Documented):
    """What registers an endpoint."""

    url: str
    events: EventTypes
    enabled: bool = True


class ClearwayChange(Documented):
    """The fields to change; what is left out stays."""

    url: str = ""
    events: EventTypes = Field(default=["*"])
    enabled: bool = True


class ClearwayWebhook(Documented):
    """An endpoint as answered."""

    id: str
    url: str
    events: list[str]
    enabled: bool
    created: int

    @classmethod
    def of(cls, endpoint: EndpointState, **more: str) -> Self:
        """Return the answer for an endpoint."""
        config = endpoint.active_config
        return cls.model_validate(
            {
                "id": endpoint.endpoint_id,
                "url": config.url,
                "events": config.event_types,
                "enabled": endpoint.status is EndpointStatus.ACTIVE,
                "created": endpoint.created_at and int(endpoint.created_at.timestamp()),
                **more,
            }
        )


class ClearwayCreated(ClearwayWebhook):
    """An endpoint as answered once: with its secret."""

    secret: str


class Under(Documented, Generic[Answered]):
    """An answer under `data`."""

    data: Answered


@router.post("", status_code=HTTPStatus.CREATED, responses=WRITES)
async def create_clearway_webhook(
    body: ClearwayCreate, webhooks: Webhooks, idempotency_key: IdempotencyKey = None
) -> Under[ClearwayCreated]:
    """Register an endpoint. Keep `secret`: no other answer holds it."""
    created = await webhooks.create(
        webhooks.id_for(idempotency_key),
        paused=not body.enabled,
        url=body.url,
        event_types=body.events,
    )
    return Under(data=ClearwayCreated.of(created, secret=created.secrets[0].value))


@router.get("", responses=READS)
async def list_clearway_webhooks(webhooks: Webhooks) -> Under[list[ClearwayWebhook]]:
    """List the endpoints, oldest first."""
    return Under(data=list(map(ClearwayWebhook.of, await webhooks.all())))


@router.patch("/{webhook_id}", responses=WRITES)
async def change_clearway_webhook(
    webhook_id: Name, body: ClearwayChange, webhooks: Webhooks
) -> Under[ClearwayWebhook]:
    """Change an endpoint. The very next attempt, a waiting retry's too, uses what was changed.

    While it is not `enabled`, its deliveries are held.
    """
    changes = body.model_dump(exclude_unset=True, exclude={"enabled"})
    if "events" in changes:
        changes["event_types"] = changes.pop("events")
    changed = await webhooks.change(webhook_id, changes)
    if "enabled" in body.model_fields_set:
        changed = await webhooks.enable(webhook_id, enabled=body.enabled)
    return Under(data=ClearwayWebhook.of(changed))


@router.delete("/{webhook_id}", status_code=HTTPStatus.NO_CONTENT, responses=DELETES)
async def delete_clearway_webhook(webhook_id: Name, webhooks: Webhooks) -> None:
    """Delete an endpoint; deliveries that wait for it are cancelled."""
    await webhooks.delete(webhook_id)
