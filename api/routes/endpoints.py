"""Routes that create, read, change, test and delete endpoints."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.access import ServicesDependency
from api.http import BODY_ERRORS, Cursor, Limit, Page, responses
from api.routes.parameters import IdempotencyKey
from api.routes.strict_route import StrictRoute
from api.services.new_endpoint import NewEndpoint
from hookwright.contracts import DeactivationRule, DisabledReason, Retry
from hookwright.health import Health, success_rate
from hookwright.ids import EventType, Name, id_from_key, new_event_id
from hookwright.models import (
    Attempt,
    EndpointConfig,
    EndpointState,
    EventData,
    EventInput,
    Metadata,
)
from hookwright.outcomes import Colour, EndpointStatus, Outcome
from hookwright.security import MAX_PEM_CHARACTERS, ClientCertificate, describe_identity
from hookwright.times import Timestamp
from hookwright.webhook import public_key

router = APIRouter(
    prefix="/v1/tenants/{tenant_id}/endpoints", tags=["endpoints"], route_class=StrictRoute
)


TEST_DATA: JsonValue = {"test": True}


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


class EndpointCreateRequest(EndpointConfig, ClientCertificateFields):
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


class EndpointChangeRequest(EndpointConfig, ClientCertificateFields):
    """The fields to change. Fields that are left out keep their values."""

    url: str = ""
    headers: dict[str, str] = Field(
        default={}, description="Headers that replace all earlier ones of this endpoint."
    )


class SecretRotateRequest(BaseModel):
    """How long webhooks are signed with the old secret as well as with the new one."""

    model_config = ConfigDict(extra="forbid")

    grace_period_seconds: int = Field(default=86_400, ge=0, le=604_800)


class EndpointTestRequest(BaseModel):
    """The test event to send. Its default type, `endpoint.test`, is used only for tests."""

    model_config = ConfigDict(extra="forbid")

    type: EventType = "endpoint.test"
    data: EventData = TEST_DATA
    extra: dict[Name, EventData] = {}


class EndpointTestRead(Attempt):
    """The attempt that sent a test event.

    If the attempt was delivered and the endpoint is not active, `resume` is the path whose POST
    makes the endpoint active again.
    """

    resume: str | None


class EndpointRead(BaseModel):
    """An endpoint, without its secret.

    `failing_since` and `consecutive_failures` are about the attempts since the last success. The
    success rates are those of the attempts in the last hour and the last day, or null if there was
    no attempt. Successes of a healthy endpoint are counted about a minute late. `held` is the
    number of deliveries that wait for the endpoint.
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
    status: EndpointStatus
    disabled_reason: DisabledReason | None
    health: Colour
    failing_since: Timestamp | None
    consecutive_failures: int
    last_delivery_at: Timestamp | None
    success_rate_hour: float | None
    success_rate_day: float | None
    held: int
    draining_since: Timestamp | None
    throttled_until: Timestamp | None
    next_probe_at: Timestamp | None
    public_key: str | None
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
                "id": endpoint.endpoint_id,
                "tenant_id": endpoint.tenant_id,
                "public_key": public_key(endpoint.secrets[0].value),
                "created_at": endpoint.created_at,
                "updated_at": endpoint.updated_at,
                "version": endpoint.version,
                "header_names": list(endpoint.headers),
                "client_certificate": endpoint.client_identity
                and describe_identity(endpoint.client_identity),
                **extra_fields,
            }
        )


def _health_fields(health: Health) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "status": health.status,
        "disabled_reason": health.disabled_reason,
        "health": health.colour(now),
        "failing_since": health.streak.failing_since,
        "consecutive_failures": health.streak.failures,
        "last_delivery_at": health.last_delivery_at,
        "success_rate_hour": success_rate(*health.counts.last_hour(now)),
        "success_rate_day": success_rate(*health.counts.last_day(now)),
        "held": health.queue.held,
        "draining_since": health.queue.draining_since,
        "throttled_until": health.queue.throttled_until,
        "next_probe_at": health.next_probe_at,
    }


class EndpointWithSecretRead(EndpointRead):
    """A new endpoint with its secret, which only this answer has."""

    secret: str


class SecretRotationRead(BaseModel):
    """The new secret, and the time until which the previous one also signs."""

    secret: str
    previous_expires_at: Timestamp


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def create_endpoint(
    tenant_id: Name,
    body: EndpointCreateRequest,
    services: ServicesDependency,
    idempotency_key: IdempotencyKey = None,
) -> EndpointWithSecretRead:
    """Create an endpoint. Only this answer, and that of a rotation, contain the `secret`."""
    new_endpoint = NewEndpoint(
        EndpointConfig.model_validate(body.model_dump(include=set(EndpointConfig.model_fields))),
        body.secret,
        body.headers,
        idempotency_key and id_from_key("ep", tenant_id, idempotency_key),
        (body.client_certificate, body.client_key),
    )
    endpoint = await services.endpoints.create(tenant_id, new_endpoint)
    return EndpointWithSecretRead.of(endpoint, secret=endpoint.secrets[0].value)


@router.get("", responses=responses(HTTPStatus.NOT_FOUND))
async def list_endpoints(
    tenant_id: Name, services: ServicesDependency, limit: Limit = 50, cursor: Cursor = None
) -> Page[EndpointRead]:
    """List a tenant's endpoints, oldest first."""
    page = await services.endpoints.page(tenant_id, limit, cursor)
    return Page(data=list(map(EndpointRead.of, page.data)), next_cursor=page.next_cursor)


@router.get("/{endpoint_id}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_endpoint(
    tenant_id: Name, endpoint_id: Name, services: ServicesDependency
) -> EndpointRead:
    """Read an endpoint."""
    return EndpointRead.of(await services.endpoints.get(tenant_id, endpoint_id))


@router.patch(
    "/{endpoint_id}", responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
)
async def change_endpoint(
    tenant_id: Name, endpoint_id: Name, body: EndpointChangeRequest, services: ServicesDependency
) -> EndpointRead:
    """Change an endpoint. The next attempt uses the new values, also if it is a retry."""
    changes = body.model_dump(exclude_unset=True)
    headers = changes.pop("headers", None)
    certificate_fields = ClientCertificateFields.model_fields
    certificate, key = (changes.pop(name, None) for name in certificate_fields)
    client_pem = (certificate, key) if body.model_fields_set & {*certificate_fields} else None
    changed = await services.endpoints.change(tenant_id, endpoint_id, changes, headers, client_pem)
    return EndpointRead.of(changed)


@router.delete(
    "/{endpoint_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_endpoint(tenant_id: Name, endpoint_id: Name, services: ServicesDependency) -> None:
    """Delete an endpoint. Deliveries that wait for it are cancelled."""
    await services.endpoints.delete(tenant_id, endpoint_id)


@router.post("/{endpoint_id}/pause", responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
async def pause_endpoint(
    tenant_id: Name, endpoint_id: Name, services: ServicesDependency
) -> EndpointRead:
    """Pause an endpoint. Its new deliveries are held, and so are retries when they become due."""
    return EndpointRead.of(await services.endpoints.pause(tenant_id, endpoint_id))


@router.post(
    "/{endpoint_id}/resume", responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
)
async def resume_endpoint(
    tenant_id: Name, endpoint_id: Name, services: ServicesDependency
) -> EndpointRead:
    """Make a paused or disabled endpoint active again. Held deliveries are sent, oldest first."""
    return EndpointRead.of(await services.endpoints.resume(tenant_id, endpoint_id))


@router.post("/{endpoint_id}/test", responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND))
async def send_test_event(
    tenant_id: Name,
    endpoint_id: Name,
    services: ServicesDependency,
    body: EndpointTestRequest | None = None,
) -> EndpointTestRead:
    """Send one test event now, whatever the endpoint's status, and wait for the outcome.

    It is signed and built like any other webhook. It does not affect the endpoint's health, and it
    is not in the delivery log.
    """
    test = body or EndpointTestRequest()
    event = EventInput(tenant_id=tenant_id, id=new_event_id(), **test.model_dump())
    attempt = await services.endpoints.send_test(tenant_id, endpoint_id, event)
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    can_resume = (
        attempt.outcome is Outcome.DELIVERED and endpoint.status is not EndpointStatus.ACTIVE
    )
    resume_path = f"/v1/tenants/{tenant_id}/endpoints/{endpoint_id}/resume"
    return EndpointTestRead(**attempt.model_dump(), resume=resume_path if can_resume else None)


@router.post(
    "/{endpoint_id}/secret/rotate",
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def rotate_secret(
    tenant_id: Name,
    endpoint_id: Name,
    services: ServicesDependency,
    body: SecretRotateRequest | None = None,
) -> SecretRotationRead:
    """Make a new secret of the same kind. Both secrets sign until the grace period ends."""
    grace_seconds = (body or SecretRotateRequest()).grace_period_seconds
    endpoint = await services.endpoints.rotate(tenant_id, endpoint_id, grace_seconds)
    current, *older = endpoint.secrets
    expires = older[0].expires_at if older else endpoint.updated_at
    return SecretRotationRead.model_validate(
        {"secret": current.value, "previous_expires_at": expires}
    )
