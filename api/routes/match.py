"""The route that says whether an endpoint would get an event, without publishing the event."""

from dataclasses import asdict
from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import BaseModel

from api.access import ServicesDependency
from api.http import BODY_ERRORS, responses
from api.routes.events import EventPublishRequest
from api.routes.strict_route import StrictRoute
from hookwright.ids import Name
from hookwright.outcomes import EndpointStatus
from hookwright.routing import explain
from hookwright.webhook import event_document

router = APIRouter(
    prefix="/v1/tenants/{tenant_id}/endpoints", tags=["endpoints"], route_class=StrictRoute
)


class ReasonRead(BaseModel):
    """The result of one check: `endpoint_id`, `event_types`, `channels` or `filter`."""

    check: str
    passes: bool
    detail: str


class MatchRead(BaseModel):
    """The result of all checks.

    If `matches` is true, publishing the event would create a delivery to this endpoint. It is
    attempted while the endpoint's `status` is active, and held otherwise.
    """

    matches: bool
    reasons: list[ReasonRead]
    status: EndpointStatus


@router.post("/{endpoint_id}/match", responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND))
async def match_event(
    tenant_id: Name, endpoint_id: Name, body: EventPublishRequest, services: ServicesDependency
) -> MatchRead:
    """Say whether this endpoint would get the event, and why.

    An event that a publish would refuse is refused here with the same error.
    """
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    event = body.event(tenant_id)
    await services.events.check(event, await services.tenants.at_publish(tenant_id))
    document = event_document(event, datetime.now(UTC))
    checks = await explain(services.evaluator, tenant_id, endpoint.route(), event, document)
    return MatchRead(
        matches=all(check.passes for check in checks),
        reasons=[ReasonRead(**asdict(check)) for check in checks],
        status=endpoint.status,
    )
