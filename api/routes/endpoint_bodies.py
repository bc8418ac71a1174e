"""Bodies of the endpoint routes: what they take, and what they answer."""

from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hookwright.contracts import DeactivationRule, DisabledReason, Retry
from hookwright.expressions import check_literals
from hookwright.health import Health, health_in_words, success_rate
from hookwright.ids import EventType, Name
from hookwright.models import (
    Attempt,
    EndpointConfig,
    EndpointState,
    EventData,
    Metadata,
    SignWith,
)
from hookwright.outcomes import Colour, EndpointStatus
from hookwright.queueing import GiveUp, Ordering
from hookwright.security import MAX_PEM_CHARACTERS, ClientCertificate, describe_identity
from hookwright.times import Timestamp
from hookwright.webhook import public_key

FirstStatus = Literal["active", "paused"]
"""The status of a new endpoint. No person can disable one: a rule does."""


class ClientCertificateFields(BaseModel):
    """A client certificate and its key, for receivers that require mutual TLS.

    Both are write-only. Null removes both.
    """

    client_certificate: str | None = Field(
        default=None,
        max_length=MAX_PEM_CHARACTERS,
        description="In PEM: the client's certificate, then the certificates of its issuers.",
    )
    client_key: str | None = Field(
        default=None,
        max_length=MAX_PEM_CHARACTERS,
        description="In PEM: the private key of the client's certificate.",
    )


class EndpointConfigRequest(EndpointConfig):
    """The settings of an endpoint in a request, with the checks that only new values need."""

    @field_validator("filter", "payload_template")
    @classmethod
    def _literals_are_json(cls, expression: str | None) -> str | None:
        return expression and check_literals(expression)


class EndpointCreateRequest(EndpointConfigRequest, ClientCertificateFields):
    """A new endpoint. Only `url` is required."""

    secret: str | None = Field(
        default=None,
        max_length=256,
        description="In the form that the contract requires. In the contract `standard`:"
        " `whsec_` (24 to 64 bytes) or `whsk_`.",
    )
    headers: dict[str, str] = Field(
        default={},
        description="Headers that are sent with each webhook. Write-only: a value may be a secret.",
    )
    status: FirstStatus = Field(
        default="active",
        description="`paused`: its deliveries are held from the first event on, until it is"
        " resumed.",
    )


class EndpointChangeRequest(EndpointConfigRequest, ClientCertificateFields):
    """The fields to change. Fields that are left out keep their values."""

    url: str = ""
    headers: dict[str, str] = Field(
        default={}, description="Headers that replace all earlier ones of this endpoint."
    )


class SecretRotateRequest(BaseModel):
    """The new secret, and how long webhooks are signed with the old one, too or alone."""

    model_config = ConfigDict(extra="forbid")

    grace_period_seconds: int = Field(default=86_400, ge=0, le=604_800)
    secret: str | None = Field(
        default=None,
        max_length=256,
        description="In the form that the contract requires. Default: a new one is made.",
    )
    sign_with: SignWith = Field(
        default="new",
        description="`previous`: only the previous secret signs until the grace period ends.",
    )


class EndpointTestRequest(BaseModel):
    """The test event to send. Its default type, `endpoint.test`, is used only for tests.

    Without `data` it has the example of its type in the catalogue or, if there is none,
    `{"test": true}`.
    """

    model_config = ConfigDict(extra="forbid")

    type: EventType = "endpoint.test"
    # A factory, so that the API's description has no default, which generated clients would send.
    data: EventData = Field(default_factory=lambda: None)
    extra: dict[Name, EventData] = {}


class EndpointTestRead(Attempt):
    """The attempt that sent a test event.

    If the attempt was delivered and the endpoint is not active, `resume` is the path whose POST
    makes the endpoint active again.
    """

    resume: str | None


class SecretTimes(BaseModel):
    """When a secret was made, when it begins to sign, and when it expires. Never its value.

    `created_at` is null for a secret that was made before Hookwright kept this time.
    """

    created_at: Timestamp | None
    signs_from: Timestamp | None
    expires_at: Timestamp | None


class EndpointRead(BaseModel):
    """An endpoint, without its secret.

    `failing_since`, `consecutive_failures` and `last_error` are about the attempts since the last
    success. The success rates are those of the attempts in the last hour and the last day, or null
    if there was no attempt. Successes of a healthy endpoint are counted about a minute late. `held`
    is the number of deliveries that wait for the endpoint, and `holding_since` is since when at
    least one has waited. `health_reason` is the health in words.
    """

    id: Name
    tenant_id: Name
    url: str
    event_types: list[str]
    channels: list[str]
    description: str
    metadata: Metadata
    contract: Name | None
    filter: str | None
    payload_template: str | None
    header_names: list[str]
    client_certificate: ClientCertificate | None
    retry: Retry | None
    timeout_seconds: float | None
    deactivation: DeactivationRule | None
    drain_per_second: float
    rate_limit_per_second: float | None
    ordering: Ordering
    on_give_up: GiveUp
    status: EndpointStatus
    disabled_reason: DisabledReason | None
    health: Colour
    health_reason: str
    failing_since: Timestamp | None
    last_error: str | None
    consecutive_failures: int
    last_delivery_at: Timestamp | None
    last_attempt_at: Timestamp | None
    success_rate_hour: float | None
    success_rate_day: float | None
    held: int
    holding_since: Timestamp | None
    waiting: int | None = None
    waiting_since: Timestamp | None = None
    blocked_by: Name | None = None
    draining_since: Timestamp | None
    throttled_until: Timestamp | None
    next_probe_at: Timestamp | None
    public_key: str | None
    secrets: list[SecretTimes]
    created_at: Timestamp | None
    updated_at: Timestamp | None
    version: int

    @classmethod
    def of(cls, endpoint: EndpointState, **extra_fields: object) -> Self:
        """Return an endpoint as the API answers it."""
        return cls.model_validate(
            {
                **endpoint.active_config.model_dump(),
                **_health_fields(endpoint.health),
                "waiting": None if endpoint.queue_rules.is_needed else 0,
                "id": endpoint.endpoint_id,
                "tenant_id": endpoint.tenant_id,
                "public_key": public_key(endpoint.secrets[0].value),
                "secrets": _secret_times(endpoint),
                "created_at": endpoint.created_at,
                "updated_at": endpoint.updated_at,
                "version": endpoint.version,
                "header_names": list(endpoint.headers),
                "client_certificate": endpoint.client_identity
                and describe_identity(endpoint.client_identity),
                **extra_fields,
            }
        )


def _secret_times(endpoint: EndpointState) -> list[SecretTimes]:
    """Return the times of all secrets that sign now or later, the newest first."""
    now = datetime.now(UTC)
    return [
        SecretTimes(
            created_at=secret.created_at,
            signs_from=secret.signs_from or secret.created_at,
            expires_at=secret.expires_at,
        )
        for secret in endpoint.secrets
        if secret.expires_at is None or secret.expires_at > now
    ]


def _health_fields(health: Health) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "status": health.status,
        "disabled_reason": health.disabled_reason,
        "health": health.colour(now),
        "health_reason": health_in_words(health, now),
        "failing_since": health.streak.failing_since,
        "last_error": health.streak.last_error,
        "consecutive_failures": health.streak.failures,
        "last_delivery_at": health.last_delivery_at,
        "last_attempt_at": health.last_attempt_at,
        "success_rate_hour": success_rate(*health.counts.last_hour(now)),
        "success_rate_day": success_rate(*health.counts.last_day(now)),
        "held": health.queue.held,
        "holding_since": health.queue.holding_since,
        "draining_since": health.queue.draining_since,
        "throttled_until": health.queue.throttled_until,
        "next_probe_at": health.next_probe_at,
    }


class EndpointWithSecretRead(EndpointRead):
    """A new endpoint with its secret, which only this answer has."""

    secret: str


class SecretRotationRead(BaseModel):
    """The new secret, from when it signs, and until when the previous one does."""

    secret: str
    signs_from: Timestamp
    previous_expires_at: Timestamp
