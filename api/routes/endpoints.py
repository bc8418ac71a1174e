"""Routes that create, read, change, test and delete endpoints."""

from http import HTTPStatus

from fastapi import APIRouter

from api.access import CallerDependency, ServicesDependency
from api.http import BODY_ERRORS, Cursor, Limit, Page, responses
from api.routes.endpoint_bodies import (
    ClientCertificateFields,
    EndpointChangeRequest,
    EndpointCreateRequest,
    EndpointRead,
    EndpointTestRead,
    EndpointTestRequest,
    EndpointWithSecretRead,
    SecretRotateRequest,
    SecretRotationRead,
)
from api.routes.parameters import IdempotencyKey
from api.routes.strict_route import StrictRoute
from api.services.new_endpoint import NewEndpoint, SecretRotation
from hookwright.ids import Name, id_from_key, new_event_id
from hookwright.models import (
    EndpointConfig,
    EventInput,
)
from hookwright.outcomes import EndpointStatus, Outcome

router = APIRouter(
    prefix="/v1/tenants/{tenant_id}/endpoints", tags=["endpoints"], route_class=StrictRoute
)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def create_endpoint(
    tenant_id: Name,
    body: EndpointCreateRequest,
    services: ServicesDependency,
    caller: CallerDependency,
    idempotency_key: IdempotencyKey = None,
) -> EndpointWithSecretRead:
    """Create an endpoint. Only this answer, and that of a rotation, contain the `secret`.

    With `status` `paused` it is created paused: no event is sent to it before it is resumed.
    """
    new_endpoint = NewEndpoint(
        EndpointConfig.model_validate(body.model_dump(include=set(EndpointConfig.model_fields))),
        body.secret,
        body.headers,
        idempotency_key and id_from_key("ep", tenant_id, idempotency_key),
        (body.client_certificate, body.client_key),
        paused=body.status == "paused",
        max_endpoints=caller.max_endpoints,
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
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    queue = await services.deliveries.waiting(tenant_id, endpoint_id)
    return EndpointRead.of(endpoint, **queue.model_dump())


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

    It is signed and built like any other webhook. Without `data` it has the example of its type in
    the catalogue, and `{"test": true}` if there is none. It does not affect the endpoint's health,
    and it is not in the delivery log.
    """
    test = body or EndpointTestRequest()
    if "data" not in test.model_fields_set:
        test.data = await services.event_types.test_data(test.type)
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
    """Replace the secret by the given one, or by a new one of the same kind.

    Both secrets sign until the grace period ends, where the contract's header has room for two.
    Where it has room for one, the new secret signs. With `sign_with` `previous` the previous secret
    signs alone until the grace period ends, and then the new one.
    """
    wanted = body or SecretRotateRequest()
    rotation = SecretRotation(wanted.grace_period_seconds, wanted.sign_with, wanted.secret)
    endpoint = await services.endpoints.rotate(tenant_id, endpoint_id, rotation)
    current, *older = endpoint.secrets
    expires = older[0].expires_at if older else endpoint.updated_at
    return SecretRotationRead.model_validate(
        {
            "secret": current.value,
            "previous_expires_at": expires,
            "signs_from": current.signs_from or endpoint.updated_at,
        }
    )
