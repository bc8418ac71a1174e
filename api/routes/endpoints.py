"""Routes of endpoints."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.access import ServicesDependency
from api.http import BODY_ERRORS, Cursor, Limit, Page, responses
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

IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=255, description="A repeat under it creates nothing new."),
]


TEST_DATA: JsonValue = {"test": True}


class ClientPem(BaseModel):
    """For receivers that ask who calls (mutual TLS). Write-only; null takes both away."""

    client_certificate: str | None = Field(
        default=None,
        max_length=MAX_PEM_CHARACTERS,
        description="PEM: the client's certificate, then those up to its authority.",
    )
    client_key: str | None = Field(
        default=None, max_length=MAX_PEM_CHARACTERS, description="PEM: its private key."
    )


class EndpointCreateRequest(EndpointConfig, ClientPem):
    """What registers an endpoint. Only `url` is required."""

    secret: str | None = Field(
        default=None,
        max_length=256,
        description="As the contract has it; standard: `whsec_` (24 to 64 bytes) or `whsk_`.",
    )
    headers: dict[str, str] = Field(
        default={}, description="Sent with each webhook. Write-only: a value may be a secret."
    )


class EndpointChangeRequest(EndpointConfig, ClientPem):
    """The fields to change; what is left out stays."""

    url: str = ""
    headers: dict[str, str] = Field(default={}, description="In place of all that were sent.")


class SecretRotateRequest(BaseModel):
    """How long the old secret goes on signing beside the new one."""

    model_config = ConfigDict(extra="forbid")

    grace_period_seconds: int = Field(default=86_400, ge=0, le=604_800)


class EndpointTestRequest(BaseModel):
    """What to send as a test; by default a type that no subscription has."""

    model_config = ConfigDict(extra="forbid")

    type: EventType = "endpoint.test"
    data: EventData = TEST_DATA
    extra: dict[Name, EventData] = {}


class EndpointTestResult(Attempt):
    """What came of a test. `resume` is where to reactivate an endpoint that could take it."""

    resume: str | None


class EndpointRead(BaseModel):
    """An endpoint as answered. Never its secret.

    `failing_since` and `consecutive_failures` count attempts since the last success. The success
    rates are of the attempts of a rolling hour and day, null if there was none; successes of a
    healthy endpoint are counted in about a minute late. `held` deliveries wait for it.
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
    def of(cls, endpoint: EndpointState, **more: object) -> Self:
        """Return the answer for an endpoint."""
        return cls.model_validate(
            {
                **endpoint.active_config.model_dump(),
                **_health(endpoint.health),
                "id": endpoint.endpoint_id,
                "tenant_id": endpoint.tenant_id,
                "public_key": public_key(endpoint.secrets[0].value),
                "created_at": endpoint.created_at,
                "updated_at": endpoint.updated_at,
                "version": endpoint.version,
                "header_names": list(endpoint.headers),
                "client_certificate": endpoint.client_identity
                and describe_identity(endpoint.client_identity),
                **more,
            }
        )


def _health(health: Health) -> dict[str, object]:
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


class EndpointCreated(EndpointRead):
    """An endpoint as answered once: with its secret."""

    secret: str


class SecretRotated(BaseModel):
    """The new secret, and when the previous one stops signing."""

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
) -> EndpointCreated:
    """Register an endpoint. The answer is the only one, besides rotate's, that holds `secret`."""
    new = NewEndpoint(
        EndpointConfig.model_validate(body.model_dump(include=set(EndpointConfig.model_fields))),
        body.secret,
        body.headers,
        idempotency_key and id_from_key("ep", tenant_id, idempotency_key),
        (body.client_certificate, body.client_key),
    )
    endpoint = await services.endpoints.create(tenant_id, new)
    return EndpointCreated.of(endpoint, secret=endpoint.secrets[0].value)


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
    """Change an endpoint. The very next attempt, a waiting retry's too, uses what was changed."""
    changes = body.model_dump(exclude_unset=True)
    headers = changes.pop("headers", None)
    given = [changes.pop(name, None) for name in ClientPem.model_fields]
    client = (given[0], given[1]) if body.model_fields_set & {*ClientPem.model_fields} else None
    changed = await services.endpoints.change(tenant_id, endpoint_id, changes, headers, client)
    return EndpointRead.of(changed)


@router.delete(
    "/{endpoint_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_endpoint(tenant_id: Name, endpoint_id: Name, services: ServicesDependency) -> None:
    """Delete an endpoint; deliveries that wait for it are cancelled."""
    await services.endpoints.delete(tenant_id, endpoint_id)


@router.post("/{endpoint_id}/pause", responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
async def pause_endpoint(
    tenant_id: Name, endpoint_id: Name, services: ServicesDependency
) -> EndpointRead:
    """Hold an endpoint's deliveries: new ones, and retries as they fall due."""
    return EndpointRead.of(await services.endpoints.pause(tenant_id, endpoint_id))


@router.post(
    "/{endpoint_id}/resume", responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
)
async def resume_endpoint(
    tenant_id: Name, endpoint_id: Name, services: ServicesDependency
) -> EndpointRead:
    """Deliver again, a disabled endpoint too; what was held is let go, oldest first."""
    return EndpointRead.of(await services.endpoints.resume(tenant_id, endpoint_id))


@router.post("/{endpoint_id}/test", responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND))
async def send_test_event(
    tenant_id: Name,
    endpoint_id: Name,
    services: ServicesDependency,
    body: EndpointTestRequest | None = None,
) -> EndpointTestResult:
    """Send one test event now, whatever the endpoint's status, and wait for the outcome.

    It is signed and shaped like any other, and counts in nothing: not in health, not in the log.
    """
    test = body or EndpointTestRequest()
    event = EventInput(tenant_id=tenant_id, id=new_event_id(), **test.model_dump())
    attempt = await services.endpoints.send_test(tenant_id, endpoint_id, event)
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    works = attempt.outcome is Outcome.DELIVERED and endpoint.status is not EndpointStatus.ACTIVE
    path = f"/v1/tenants/{tenant_id}/endpoints/{endpoint_id}/resume"
    return EndpointTestResult(**attempt.model_dump(), resume=path if works else None)


@router.post(
    "/{endpoint_id}/secret/rotate",
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def rotate_secret(
    tenant_id: Name,
    endpoint_id: Name,
    services: ServicesDependency,
    body: SecretRotateRequest | None = None,
) -> SecretRotated:
    """Make a new secret of the same kind. Both sign until the grace period ends."""
    grace = (body or SecretRotateRequest()).grace_period_seconds
    endpoint = await services.endpoints.rotate(tenant_id, endpoint_id, grace)
    current, *older = endpoint.secrets
    expires = older[0].expires_at if older else endpoint.updated_at
    return SecretRotated.model_validate({"secret": current.value, "previous_expires_at": expires})
