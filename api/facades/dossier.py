"""The facade of `dossier`: `/api/v1/developer/webhooks`. Ids are numbers.

The document prints no list: it is a bare array of the objects that it does print. Endpoints of this
contract that the native routes registered have no number, and are not seen here.
"""

from http import HTTPStatus
from math import ceil
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path
from pydantic import Field

from api.facades.own import (
    DELETES,
    READS,
    WRITES,
    CamelCased,
    Moment,
    OwnWebhooks,
    own_webhooks,
)
from api.routes.endpoints import IdempotencyKey
from api.routes.strict_route import StrictRoute
from hookwright.contracts import MAX_DELAY_SECONDS, MAX_RETRIES, Backoff, Retry, RetryRule
from hookwright.ids import MAX_NUMBER, new_endpoint_number, number_from_key
from hookwright.models import EndpointState
from hookwright.subscription import EventTypePattern

router = APIRouter(prefix="/api/v1/developer/webhooks", tags=["dossier"], route_class=StrictRoute)

Webhooks = Annotated[
    OwnWebhooks,
    own_webhooks("dossier", event_types="eventType", retry="retryPolicy", metadata="name"),
]
Number = Annotated[int, Path(ge=1, le=MAX_NUMBER)]
WebhookName = Annotated[str, Field(min_length=1, max_length=200)]
Description = Annotated[str, Field(max_length=1024)]


class RetryPolicy(CamelCased):
    """An endpoint's own retries."""

    max_retries: int = Field(ge=0, le=MAX_RETRIES)
    retry_delay_seconds: int = Field(ge=1, le=MAX_DELAY_SECONDS)
    backoff_strategy: Literal["exponential", "fixed"]

    def backoff(self) -> Backoff:
        """Return it as our models have it."""
        return Backoff(
            strategy=self.backoff_strategy,
            max_retries=self.max_retries,
            delay_seconds=self.retry_delay_seconds,
        )

    @classmethod
    def of(cls, own: Retry | None, rule: RetryRule) -> Self:
        """Return an endpoint's policy, or else the contract's.

        A table that only the native routes could set is told as near as three fields can.
        """
        if isinstance(own, Backoff):
            retries, delay, strategy = own.max_retries, own.delay_seconds, own.strategy
        else:
            delays = own.delays() if own else rule.delays_seconds
            retries, delay = len(delays), delays[0] if delays else 1
            strategy = "exponential" if len(set(delays)) > 1 else "fixed"
        return cls.model_validate(
            {
                "max_retries": retries,
                "retry_delay_seconds": ceil(delay),
                "backoff_strategy": strategy,
            },
            by_name=True,
        )


class DossierCreate(CamelCased):
    """What registers a webhook. Without a `retryPolicy` the contract's holds."""

    name: WebhookName
    url: str
    event_type: EventTypePattern
    description: Description = ""
    retry_policy: RetryPolicy | None = None


class DossierChange(CamelCased):
    """The fields to change; what is left out stays. A null `retryPolicy` is the contract's."""

    name: WebhookName = ""
    url: str = ""
    event_type: EventTypePattern = "*"
    description: Description = ""
    retry_policy: RetryPolicy | None = None


class DossierWebhook(CamelCased):
    """A webhook as answered."""

    id: int
    name: str
    url: str
    event_type: str
    status: str
    retry_policy: RetryPolicy
    created_at: Moment

    @classmethod
    def of(cls, endpoint: EndpointState, rule: RetryRule, **more: str) -> Self:
        """Return the answer for an endpoint. The native routes may have given it several types."""
        config = endpoint.active_config
        return cls.model_validate(
            {
                "id": int(endpoint.endpoint_id),
                "name": config.metadata.get("name", ""),
                "url": config.url,
                "event_type": ",".join(config.event_types),
                "status": endpoint.status.value.upper(),
                "retry_policy": RetryPolicy.of(config.retry, rule),
                "created_at": endpoint.created_at,
                **more,
            },
            by_name=True,
        )


class DossierCreated(DossierWebhook):
    """A webhook as answered once: with its secret."""

    secret: str


@router.post("", status_code=HTTPStatus.CREATED, responses=WRITES)
async def create_dossier_webhook(
    body: DossierCreate, webhooks: Webhooks, idempotency_key: IdempotencyKey = None
) -> DossierCreated:
    """Register a webhook. Save `secret`: no other answer holds it."""
    key = idempotency_key
    created = await webhooks.create(
        number_from_key(webhooks.tenant_id, key) if key else new_endpoint_number(),
        url=body.url,
        event_types=[body.event_type],
        description=body.description,
        metadata={"name": body.name},
        retry=body.retry_policy and body.retry_policy.backoff(),
    )
    secret = created.secrets[0].value
    return DossierCreated.of(created, webhooks.contract.retry, secret=secret)


@router.get("", responses=READS)
async def list_dossier_webhooks(webhooks: Webhooks) -> list[DossierWebhook]:
    """List the webhooks, oldest first."""
    numbered = [each for each in await webhooks.all() if each.endpoint_id.isdecimal()]
    return [DossierWebhook.of(each, webhooks.contract.retry) for each in numbered]


@router.get("/{webhook_id}", responses=READS)
async def get_dossier_webhook(webhook_id: Number, webhooks: Webhooks) -> DossierWebhook:
    """Read a webhook."""
    return DossierWebhook.of(await webhooks.get(str(webhook_id)), webhooks.contract.retry)


@router.patch("/{webhook_id}", responses=WRITES)
async def change_dossier_webhook(
    webhook_id: Number, body: DossierChange, webhooks: Webhooks
) -> DossierWebhook:
    """Change a webhook. The very next attempt, a waiting retry's too, uses what was changed."""
    current = await webhooks.get(str(webhook_id))
    changed = await webhooks.change(str(webhook_id), _changes(body, current))
    return DossierWebhook.of(changed, webhooks.contract.retry)


@router.delete("/{webhook_id}", status_code=HTTPStatus.NO_CONTENT, responses=DELETES)
async def delete_dossier_webhook(webhook_id: Number, webhooks: Webhooks) -> None:
    """Delete a webhook; deliveries that wait for it are cancelled."""
    await webhooks.delete(str(webhook_id))


def _changes(body: DossierChange, current: EndpointState) -> dict[str, Any]:
    """Return the fields to change, as our models have them."""
    policy = body.retry_policy
    ours: dict[str, tuple[str, Any]] = {
        "name": ("metadata", {**current.active_config.metadata, "name": body.name}),
        "url": ("url", body.url),
        "event_type": ("event_types", [body.event_type]),
        "description": ("description", body.description),
        "retry_policy": ("retry", policy and policy.backoff().model_dump()),
    }
    return dict(ours[name] for name in body.model_fields_set)
