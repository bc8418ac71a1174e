"""Whether an endpoint would get an event, asked without publishing it."""

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
    """One check: `endpoint_id`, `event_types`, `channels` or `filter`."""

    check: str
    passes: bool
    detail: str


class MatchRead(BaseModel):
    """`matches`: a delivery would be made. Its attempts are made while `status` is active."""

    matches: bool
    reasons: list[ReasonRead]
    status: EndpointStatus


@router.post("/{endpoint_id}/match", responses=responses(*BODY_ERRORS, HTTPStatus.NOT_FOUND))
async def match_event(
    tenant_id: Name, endpoint_id: Name, body: EventPublishRequest, services: ServicesDependency
) -> MatchRead:
    """Say whether this endpoint would get the event, and why. What publish refuses, this does."""
    endpoint = await services.endpoints.get(tenant_id, endpoint_id)
    event = body.event(tenant_id)
    await services.events.check(event)
    document = event_document(event, datetime.now(UTC))
    found = await explain(services.evaluator, tenant_id, endpoint.route(), event, document)
    return MatchRead(
        matches=all(reason.passes for reason in found),
        reasons=[ReasonRead(**asdict(reason)) for reason in found],
        status=endpoint.status,
    )
