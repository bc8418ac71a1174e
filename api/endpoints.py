"""Routes of endpoints."""

from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field

from api.errors import BODY_ERRORS, responses
from api.pages import Cursor, Limit, Page
from api.requests import StrictRoute
from api.services import ServicesDependency
from api.services.endpoints import NewEndpoint
from hookwright.ids import Name, id_from_key
from hookwright.models import EndpointConfig, EndpointState, EndpointStatus, Metadata
from hookwright.schedule import Retry
from hookwright.signing import public_key
from hookwright.times import Timestamp

router = APIRouter(
    prefix="/v1/tenants/{tenant_id}/endpoints", tags=["endpoints"], route_class=StrictRoute
)

IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=255, description="A repeat under it creates nothing new."),
]


class EndpointCreate(EndpointConfig):
    """What registers an endpoint. Only `url` is required."""

    secret: str | None = Field(
        default=None,
        max_length=256,
        description="As the contract has it; standard: `whsec_` (24 to 64 bytes) or `whsk_`.",
    )
    headers: dict[str, str] = Field(
        default={}, description="Sent with each webhook. Write-only: a value may be a secret."
    )


class EndpointChange(EndpointConfig):
    """The fields to change; what is left out stays."""

    url: str = ""
    headers: dict[str, str] = Field(default={}, description="In place of all that were sent.")


class SecretRotate(BaseModel):
    """How long the old secret goes on signing beside the new one."""

    model_config = ConfigDict(extra="forbid")

    grace_period_seconds: int = Field(default=86_400, ge=0, le=604_800)


class EndpointRead(BaseModel):
    """An endpoint as answered. Never its secret."""

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
    retry: Retry | None
    timeout_seconds: float | None
    status: EndpointStatus
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
                "id": endpoint.endpoint_id,
                "tenant_id": endpoint.tenant_id,
                "status": endpoint.status,
                "public_key": public_key(endpoint.secrets[0].value),
                "created_at": endpoint.created_at,
                "updated_at": endpoint.updated_at,
                "version": endpoint.version,
                "header_names": list(endpoint.headers),
                **more,
            }
        )


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
    body: EndpointCreate,
    services: ServicesDependency,
    idempotency_key: IdempotencyKey = None,
) -> EndpointCreated:
    """Register an endpoint. The answer is the only one, besides rotate's, that holds `secret`."""
    new = NewEndpoint(
        EndpointConfig.model_validate(body.model_dump(exclude={"secret", "headers"})),
        body.secret,
        body.headers,
        idempotency_key and id_from_key("ep", tenant_id, idempotency_key),
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
    tenant_id: Name, endpoint_id: Name, body: EndpointChange, services: ServicesDependency
) -> EndpointRead:
    """Change an endpoint. The very next attempt, a waiting retry's too, uses what was changed."""
    changes = body.model_dump(exclude_unset=True)
    headers = changes.pop("headers", None)
    changed = await services.endpoints.change(tenant_id, endpoint_id, changes, headers)
    return EndpointRead.of(changed)


@router.delete(
    "/{endpoint_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_endpoint(tenant_id: Name, endpoint_id: Name, services: ServicesDependency) -> None:
    """Delete an endpoint; deliveries that wait for it are cancelled."""
    await services.endpoints.delete(tenant_id, endpoint_id)


@router.post(
    "/{endpoint_id}/secret/rotate",
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def rotate_secret(
    tenant_id: Name,
    endpoint_id: Name,
    services: ServicesDependency,
    body: SecretRotate | None = None,
) -> SecretRotated:
    """Make a new secret of the same kind. Both sign until the grace period ends."""
    grace = (body or SecretRotate()).grace_period_seconds
    endpoint = await services.endpoints.rotate(tenant_id, endpoint_id, grace)
    current, *older = endpoint.secrets
    expires = older[0].expires_at if older else endpoint.updated_at
    return SecretRotated.model_validate({"secret": current.value, "previous_expires_at": expires})
