"""The facade of `dossier`: `/api/v1/developer/webhooks`. Its ids are numbers.

The document shows no answer of a list. Here a list is an array of the objects that the document
does show. Endpoints of this contract that were created by the native routes have no number, so they
do not exist in this facade.
"""

from http import HTTPStatus
from math import ceil
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path
from pydantic import Field

from api.facades.contract_webhooks import (
    DELETES,
    READS,
    WRITES,
    CamelCaseModel,
    ContractWebhooks,
    Moment,
    contract_webhooks,
)
from api.routes.parameters import IdempotencyKey
from api.routes.strict_route import StrictRoute
from hookwright.contracts import MAX_DELAY_SECONDS, MAX_RETRIES, Backoff, Retry, RetryRule
from hookwright.ids import MAX_NUMBER, new_endpoint_number, number_from_key
from hookwright.models import EndpointState
from hookwright.subscription import EventTypePattern

router = APIRouter(prefix="/api/v1/developer/webhooks", tags=["dossier"], route_class=StrictRoute)

Webhooks = Annotated[
    ContractWebhooks,
    contract_webhooks("dossier", event_types="eventType", retry="retryPolicy", metadata="name"),
]
Number = Annotated[int, Path(ge=1, le=MAX_NUMBER)]
WebhookName = Annotated[str, Field(min_length=1, max_length=200)]
Description = Annotated[str, Field(max_length=1024)]


class RetryPolicy(CamelCaseModel):
    """A webhook's own retries."""

    max_retries: int = Field(ge=0, le=MAX_RETRIES)
    retry_delay_seconds: int = Field(ge=1, le=MAX_DELAY_SECONDS)
    backoff_strategy: Literal["exponential", "fixed"]

    def backoff(self) -> Backoff:
        """Return the policy as Hookwright's own model."""
        return Backoff(
            strategy=self.backoff_strategy,
            max_retries=self.max_retries,
            delay_seconds=self.retry_delay_seconds,
        )

    @classmethod
    def of(cls, endpoint_retry: Retry | None, contract_rule: RetryRule) -> Self:
        """Return an endpoint's own retry policy, or else the policy of the contract.

        The native routes can also set a table of delays. It is approximated by these three fields.
        """
        if isinstance(endpoint_retry, Backoff):
            retries = endpoint_retry.max_retries
            delay = endpoint_retry.delay_seconds
            strategy = endpoint_retry.strategy
        else:
            delays = endpoint_retry.delays() if endpoint_retry else contract_rule.delays_seconds
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


class DossierCreateRequest(CamelCaseModel):
    """A new webhook. Without a `retryPolicy` it has the contract's policy."""

    name: WebhookName
    url: str
    event_type: EventTypePattern
    description: Description = ""
    retry_policy: RetryPolicy | None = None


class DossierChangeRequest(CamelCaseModel):
    """The fields to change. Fields that are left out keep their values.

    If `retryPolicy` is null, the webhook gets the contract's policy.
    """

    name: WebhookName = ""
    url: str = ""
    event_type: EventTypePattern = "*"
    description: Description = ""
    retry_policy: RetryPolicy | None = None


class DossierWebhookRead(CamelCaseModel):
    """A webhook, without its secret."""

    id: int
    name: str
    url: str
    event_type: str
    status: str
    retry_policy: RetryPolicy
    created_at: Moment

    @classmethod
    def of(cls, endpoint: EndpointState, contract_rule: RetryRule, **extra_fields: str) -> Self:
        """Return an endpoint as the facade answers it.

        If the native routes have given it several event types, they are joined by commas.
        """
        config = endpoint.active_config
        return cls.model_validate(
            {
                "id": int(endpoint.endpoint_id),
                "name": config.metadata.get("name", ""),
                "url": config.url,
                "event_type": ",".join(config.event_types),
                "status": endpoint.status.value.upper(),
                "retry_policy": RetryPolicy.of(config.retry, contract_rule),
                "created_at": endpoint.created_at,
                **extra_fields,
            },
            by_name=True,
        )


class DossierWebhookWithSecretRead(DossierWebhookRead):
    """A new webhook with its secret, which only this answer has."""

    secret: str


@router.post("", status_code=HTTPStatus.CREATED, responses=WRITES)
async def create_dossier_webhook(
    body: DossierCreateRequest, webhooks: Webhooks, idempotency_key: IdempotencyKey = None
) -> DossierWebhookWithSecretRead:
    """Create a webhook. Save its `secret`: no other answer contains it."""
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
    return DossierWebhookWithSecretRead.of(created, webhooks.contract.retry, secret=secret)


@router.get("", responses=READS)
async def list_dossier_webhooks(webhooks: Webhooks) -> list[DossierWebhookRead]:
    """List the webhooks, oldest first."""
    rule = webhooks.contract.retry
    return [
        DossierWebhookRead.of(endpoint, rule)
        for endpoint in await webhooks.all()
        if endpoint.endpoint_id.isdecimal()
    ]


@router.get("/{webhook_id}", responses=READS)
async def get_dossier_webhook(webhook_id: Number, webhooks: Webhooks) -> DossierWebhookRead:
    """Read a webhook."""
    return DossierWebhookRead.of(await webhooks.get(str(webhook_id)), webhooks.contract.retry)


@router.patch("/{webhook_id}", responses=WRITES)
async def change_dossier_webhook(
    webhook_id: Number, body: DossierChangeRequest, webhooks: Webhooks
) -> DossierWebhookRead:
    """Change a webhook. The next attempt uses the new values, also if it is a retry."""
    current = await webhooks.get(str(webhook_id))
    changed = await webhooks.change(str(webhook_id), _changes(body, current))
    return DossierWebhookRead.of(changed, webhooks.contract.retry)


@router.delete("/{webhook_id}", status_code=HTTPStatus.NO_CONTENT, responses=DELETES)
async def delete_dossier_webhook(webhook_id: Number, webhooks: Webhooks) -> None:
    """Delete a webhook. Deliveries that wait for it are cancelled."""
    await webhooks.delete(str(webhook_id))


def _changes(body: DossierChangeRequest, current: EndpointState) -> dict[str, Any]:
    """Return the fields to change, under the names that Hookwright's own models have."""
    policy = body.retry_policy
    changes: dict[str, tuple[str, Any]] = {
        "name": ("metadata", {**current.active_config.metadata, "name": body.name}),
        "url": ("url", body.url),
        "event_type": ("event_types", [body.event_type]),
        "description": ("description", body.description),
        "retry_policy": ("retry", policy and policy.backoff().model_dump()),
    }
    return dict(changes[name] for name in body.model_fields_set)
