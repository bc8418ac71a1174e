"""The facade of `cr3dentials`: `/api/partner/webhooks`.

The document describes what a partner does with webhooks in its portal, and prints no API. So the
paths are Hookwright's own. The fields are those that the document lists, in camelCase as in its
events.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Literal, Self

from fastapi import APIRouter
from pydantic import AfterValidator, Field, JsonValue

from api.facades.contract_webhooks import (
    DELETES,
    READS,
    WRITES,
    CamelCaseModel,
    ContractWebhooks,
    Moment,
    contract_webhooks,
)
from api.facades.deliveries import (
    LINK_HEADER,
    LogPageDependency,
    WebhookDeliveryRead,
    WebhookTestRead,
)
from api.routes.parameters import IdempotencyKey
from api.routes.strict_route import StrictRoute
from api.services.new_endpoint import SecretRotation
from hookwright.expressions import check_expression, check_literals
from hookwright.health import success_rate
from hookwright.ids import Name
from hookwright.models import EndpointState, SignWith
from hookwright.outcomes import Colour, EndpointStatus

PREFIX = "/api/partner/webhooks"

router = APIRouter(prefix=PREFIX, tags=["cr3dentials"], route_class=StrictRoute)
logs_router = APIRouter(prefix=PREFIX, tags=["cr3dentials"], route_class=StrictRoute)

Webhooks = Annotated[
    ContractWebhooks,
    contract_webhooks("cr3dentials", headers="header", payload_template="payloadTemplate"),
]
Status = Literal["active", "inactive"]
PayloadTemplate = Annotated[str, AfterValidator(check_expression), AfterValidator(check_literals)]

DAY_SECONDS = 86_400

SAMPLE: JsonValue = {
    "verificationId": "ver_test",
    "sessionId": 1,
    "stepId": 1,
    "status": "VERIFIED",
    "proofData": {"income": {"monthlyAmount": 1000, "verified": True, "source": "test"}},
    "formattedData": {"incomeVerified": True, "verificationScore": 100},
    "metadata": {
        "dataSource": "test",
        "processingTimeMs": 1,
        "verifiedAt": "2026-01-15T10:30:00Z",
    },
}
"""The data of a test event: a sample of every field that the document explains."""


class AuthenticationHeader(CamelCaseModel):
    """A header that is sent with each webhook. Write-only: its value may be a secret."""

    key: str
    value: str


class Cr3dentialsCreateRequest(CamelCaseModel):
    """A new webhook. Only `url` is required. Without a `secret` one is made."""

    url: str
    status: Status = "active"
    header: AuthenticationHeader | None = None
    secret: str | None = None
    payload_template: PayloadTemplate | None = None


class Cr3dentialsChangeRequest(CamelCaseModel):
    """The fields to change. Fields that are left out keep their values.

    If `header` or `payloadTemplate` is null, the webhook has none from then on.
    """

    url: str = ""
    header: AuthenticationHeader | None = None
    payload_template: PayloadTemplate | None = None
    secret: str = ""
    secret_overlap_seconds: int = Field(default=DAY_SECONDS, ge=0, le=7 * DAY_SECONDS)
    sign_with: SignWith = "new"


class Cr3dentialsWebhookRead(CamelCaseModel):
    """A webhook, without its secret and the value of its header.

    `successRate` is the percentage of attempts in the last day that succeeded, or null if there was
    none. `lastDelivery` is when the latest webhook was sent, whatever came of it.
    """

    id: str
    url: str
    status: Status
    delivery_status: Colour
    created_date: Moment
    last_delivery: Moment | None
    success_rate: float | None
    header_key: str | None
    payload_template: str | None
    previous_secret_expires_at: Moment | None

    @classmethod
    def of(cls, endpoint: EndpointState, **extra_fields: str) -> Self:
        """Return an endpoint as the facade answers it."""
        now = datetime.now(UTC)
        health, config = endpoint.health, endpoint.active_config
        rate = success_rate(*health.counts.last_day(now))
        older = [it.expires_at for it in endpoint.secrets if it.expires_at and it.expires_at > now]
        return cls.model_validate(
            {
                "id": endpoint.endpoint_id,
                "url": config.url,
                "status": "active" if endpoint.status is EndpointStatus.ACTIVE else "inactive",
                "delivery_status": health.colour(now),
                "created_date": endpoint.created_at,
                "last_delivery": health.last_attempt_at,
                "success_rate": None if rate is None else round(100 * rate, 2),
                "header_key": next(iter(endpoint.headers), None),
                "payload_template": config.payload_template,
                "previous_secret_expires_at": max(older, default=None),
                **extra_fields,
            },
            by_name=True,
        )


class Cr3dentialsWebhookWithSecretRead(Cr3dentialsWebhookRead):
    """A new webhook with its secret, which only this answer has."""

    secret: str


@router.post("", status_code=HTTPStatus.CREATED, responses=WRITES)
async def create_cr3dentials_webhook(
    body: Cr3dentialsCreateRequest, webhooks: Webhooks, idempotency_key: IdempotencyKey = None
) -> Cr3dentialsWebhookWithSecretRead:
    """Create a webhook. Save its `secret`: no other answer contains it.

    The deliveries of an inactive webhook are held until it is reactivated.
    """
    created = await webhooks.create(
        webhooks.id_for(idempotency_key),
        secret=body.secret,
        paused=body.status == "inactive",
        headers=_headers(body.header),
        url=body.url,
        payload_template=body.payload_template,
    )
    return Cr3dentialsWebhookWithSecretRead.of(created, secret=created.secrets[0].value)


@router.get("", responses=READS)
async def list_cr3dentials_webhooks(webhooks: Webhooks) -> list[Cr3dentialsWebhookRead]:
    """List the webhooks, oldest first."""
    return list(map(Cr3dentialsWebhookRead.of, await webhooks.all()))


@router.get("/{webhook_id}", responses=READS)
async def get_cr3dentials_webhook(webhook_id: Name, webhooks: Webhooks) -> Cr3dentialsWebhookRead:
    """Read a webhook."""
    return Cr3dentialsWebhookRead.of(await webhooks.get(webhook_id))


@router.patch("/{webhook_id}", responses=WRITES)
async def change_cr3dentials_webhook(
    webhook_id: Name, body: Cr3dentialsChangeRequest, webhooks: Webhooks
) -> Cr3dentialsWebhookRead:
    """Change a webhook. The next attempt uses the new values, also if it is a retry.

    After a change of `secret` the previous one is kept for `secretOverlapSeconds`. The header has
    room for one signature: with `signWith` `new` the new secret signs at once, and with `previous`
    the previous one signs alone until that time is over.
    """
    given = body.model_fields_set
    return Cr3dentialsWebhookRead.of(
        await webhooks.change(
            webhook_id,
            body.model_dump(include=given & {"url", "payload_template"}),
            _headers(body.header) if "header" in given else None,
            SecretRotation(body.secret_overlap_seconds, body.sign_with, body.secret)
            if "secret" in given
            else None,
        )
    )


@router.delete("/{webhook_id}", status_code=HTTPStatus.NO_CONTENT, responses=DELETES)
async def delete_cr3dentials_webhook(webhook_id: Name, webhooks: Webhooks) -> None:
    """Delete a webhook. Deliveries that wait for it are cancelled."""
    await webhooks.delete(webhook_id)


@router.post("/{webhook_id}/deactivate", responses=DELETES)
async def deactivate_cr3dentials_webhook(
    webhook_id: Name, webhooks: Webhooks
) -> Cr3dentialsWebhookRead:
    """Make a webhook inactive. Its deliveries are held from then on."""
    return Cr3dentialsWebhookRead.of(await webhooks.enable(webhook_id, enabled=False))


@router.post("/{webhook_id}/reactivate", responses=DELETES)
async def reactivate_cr3dentials_webhook(
    webhook_id: Name, webhooks: Webhooks
) -> Cr3dentialsWebhookRead:
    """Make a webhook active again. Held deliveries are sent, oldest first."""
    return Cr3dentialsWebhookRead.of(await webhooks.enable(webhook_id, enabled=True))


@router.post("/{webhook_id}/test", responses=DELETES)
async def send_cr3dentials_test(webhook_id: Name, webhooks: Webhooks) -> WebhookTestRead:
    """Send a sample verification now, whatever the status, and wait for the outcome.

    The test changes neither the webhook's health nor its logs.
    """
    return WebhookTestRead.of(*await webhooks.send_test(webhook_id, None, SAMPLE, {}))


@logs_router.get("/{webhook_id}/logs", responses=READS | LINK_HEADER)
async def list_cr3dentials_logs(
    webhook_id: Name, webhooks: Webhooks, page: LogPageDependency
) -> list[WebhookDeliveryRead]:
    """List a webhook's deliveries with all their attempts and errors, newest first."""
    return await page.read(webhooks, webhook_id)


def _headers(header: AuthenticationHeader | None) -> dict[str, str]:
    return {header.key: header.value} if header else {}
