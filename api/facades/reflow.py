"""The facade of `reflow`: `/v1/webhooks`.

The document shows no answer of a list. It shows a single webhook without an envelope, so here a
list is an array of such objects, also without an envelope.
"""

from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter

from api.facades.contract_webhooks import (
    DELETES,
    READS,
    WRITES,
    ContractWebhooks,
    DocumentModel,
    EventTypes,
    Moment,
    contract_webhooks,
)
from api.routes.parameters import IdempotencyKey
from api.routes.strict_route import StrictRoute
from hookwright.ids import Name
from hookwright.models import EndpointState
from hookwright.outcomes import EndpointStatus

router = APIRouter(prefix="/v1/webhooks", tags=["reflow"], route_class=StrictRoute)

Webhooks = Annotated[ContractWebhooks, contract_webhooks("reflow", event_types="events")]


class ReflowCreateRequest(DocumentModel):
    """A new webhook."""

    url: str
    events: EventTypes
    secret: str


class ReflowChangeRequest(DocumentModel):
    """The new event types of a webhook. No other field can be changed."""

    events: EventTypes


class ReflowWebhookRead(DocumentModel):
    """A webhook, without its secret."""

    id: str
    url: str
    events: list[str]
    status: str
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
                "status": _status(endpoint),
                "created_at": endpoint.created_at,
            }
        )


@router.post("", status_code=HTTPStatus.CREATED, responses=WRITES)
async def create_reflow_webhook(
    body: ReflowCreateRequest, webhooks: Webhooks, idempotency_key: IdempotencyKey = None
) -> ReflowWebhookRead:
    """Create a webhook."""
    created = await webhooks.create(
        webhooks.id_for(idempotency_key),
        secret=body.secret,
        url=body.url,
        event_types=body.events,
    )
    return ReflowWebhookRead.of(created)


@router.get("", responses=READS)
async def list_reflow_webhooks(webhooks: Webhooks) -> list[ReflowWebhookRead]:
    """List the webhooks, oldest first."""
    return list(map(ReflowWebhookRead.of, await webhooks.all()))


@router.patch("/{webhook_id}", responses=WRITES)
async def change_reflow_webhook(
    webhook_id: Name, body: ReflowChangeRequest, webhooks: Webhooks
) -> ReflowWebhookRead:
    """Change the event types of a webhook."""
    return ReflowWebhookRead.of(await webhooks.change(webhook_id, {"event_types": body.events}))


@router.delete("/{webhook_id}", status_code=HTTPStatus.NO_CONTENT, responses=DELETES)
async def delete_reflow_webhook(webhook_id: Name, webhooks: Webhooks) -> None:
    """Delete a webhook."""
    await webhooks.delete(webhook_id)


def _status(endpoint: EndpointState) -> str:
    """Return `failed` from the last failure of a retry table until the next success.

    Deliveries go on all the same. That a person has paused the webhook comes first, because then
    nothing is sent.
    """
    if endpoint.health.streak.ran_out and endpoint.status is not EndpointStatus.PAUSED:
        return "failed"
    return endpoint.status.value
