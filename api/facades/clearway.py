"""The facade of `clearway`: `/api/webhooks/marketplace`. Every answer is an object under `data`.

The document mentions `data.id` and `data.secret`. The answers also have the fields that were sent,
and `created` in Unix seconds, which is the form of a time in this contract's events.
"""

from http import HTTPStatus
from typing import Annotated, Generic, Self, TypeVar

from fastapi import APIRouter
from pydantic import Field

from api.facades.contract_webhooks import (
    DELETES,
    READS,
    WRITES,
    ContractWebhooks,
    DocumentModel,
    EventTypes,
    contract_webhooks,
)
from api.facades.deliveries import WebhookTestRead, WebhookTestRequest
from api.routes.parameters import IdempotencyKey
from api.routes.strict_route import StrictRoute
from hookwright.ids import Name
from hookwright.models import EndpointState
from hookwright.outcomes import EndpointStatus

router = APIRouter(prefix="/api/webhooks/marketplace", tags=["clearway"], route_class=StrictRoute)

Webhooks = Annotated[ContractWebhooks, contract_webhooks("clearway", event_types="events")]
Content = TypeVar("Content")


class ClearwayCreateRequest(DocumentModel):
    """A new endpoint."""

    url: str
    events: EventTypes
    enabled: bool = True


class ClearwayChangeRequest(DocumentModel):
    """The fields to change. Fields that are left out keep their values."""

    url: str = ""
    events: EventTypes = Field(default=["*"])
    enabled: bool = True


class ClearwayWebhookRead(DocumentModel):
    """An endpoint, without its secret."""

    id: str
    url: str
    events: list[str]
    enabled: bool
    created: int

    @classmethod
    def of(cls, endpoint: EndpointState, **extra_fields: str) -> Self:
        """Return an endpoint as the facade answers it."""
        config = endpoint.active_config
        return cls.model_validate(
            {
                "id": endpoint.endpoint_id,
                "url": config.url,
                "events": config.event_types,
                "enabled": endpoint.status is EndpointStatus.ACTIVE,
                "created": endpoint.created_at and int(endpoint.created_at.timestamp()),
                **extra_fields,
            }
        )


class ClearwayWebhookWithSecretRead(ClearwayWebhookRead):
    """A new endpoint with its secret, which only this answer has."""

    secret: str


class DataEnvelope(DocumentModel, Generic[Content]):
    """An answer, whose content is in the field `data`."""

    data: Content


@router.post("", status_code=HTTPStatus.CREATED, responses=WRITES)
async def create_clearway_webhook(
    body: ClearwayCreateRequest, webhooks: Webhooks, idempotency_key: IdempotencyKey = None
) -> DataEnvelope[ClearwayWebhookWithSecretRead]:
    """Create an endpoint. Save its `secret`: no other answer contains it."""
    created = await webhooks.create(
        webhooks.id_for(idempotency_key),
        paused=not body.enabled,
        url=body.url,
        event_types=body.events,
    )
    return DataEnvelope(
        data=ClearwayWebhookWithSecretRead.of(created, secret=created.secrets[0].value)
    )


@router.get("", responses=READS)
async def list_clearway_webhooks(webhooks: Webhooks) -> DataEnvelope[list[ClearwayWebhookRead]]:
    """List the endpoints, oldest first."""
    return DataEnvelope(data=list(map(ClearwayWebhookRead.of, await webhooks.all())))


@router.patch("/{webhook_id}", responses=WRITES)
async def change_clearway_webhook(
    webhook_id: Name, body: ClearwayChangeRequest, webhooks: Webhooks
) -> DataEnvelope[ClearwayWebhookRead]:
    """Change an endpoint. The next attempt uses the new values, also if it is a retry.

    While the endpoint is not `enabled`, its deliveries are held.
    """
    changes = body.model_dump(exclude_unset=True, exclude={"enabled"})
    if "events" in changes:
        changes["event_types"] = changes.pop("events")
    changed = await webhooks.change(webhook_id, changes)
    if "enabled" in body.model_fields_set:
        changed = await webhooks.enable(webhook_id, enabled=body.enabled)
    return DataEnvelope(data=ClearwayWebhookRead.of(changed))


@router.post("/{webhook_id}/test", responses=WRITES)
async def send_clearway_test(
    webhook_id: Name, webhooks: Webhooks, body: WebhookTestRequest | None = None
) -> DataEnvelope[WebhookTestRead]:
    """Send a test event now, whose `livemode` is false, and wait for the outcome.

    Its object is the example of its type in the catalogue, or `{"test": true}`. The test changes
    neither the endpoint's health nor the delivery log.
    """
    event_type = body.type if body else None
    sent = await webhooks.send_test(webhook_id, event_type, {"test": True}, {"livemode": False})
    return DataEnvelope(data=WebhookTestRead.of(*sent))


@router.delete("/{webhook_id}", status_code=HTTPStatus.NO_CONTENT, responses=DELETES)
async def delete_clearway_webhook(webhook_id: Name, webhooks: Webhooks) -> None:
    """Delete an endpoint. Deliveries that wait for it are cancelled."""
    await webhooks.delete(webhook_id)
