"""What the activities of an endpoint's duties are given."""

from pydantic import BaseModel

from hookwright.health import Notice
from hookwright.ids import Name


class EndpointRef(BaseModel):
    """Which endpoint."""

    tenant_id: Name
    endpoint_id: Name


class NoticesInput(BaseModel):
    """Notices of an endpoint, to be published in this order."""

    endpoint: EndpointRef
    notices: list[Notice]


class ProbeInput(BaseModel):
    """A probe of a disabled endpoint, after so many `earlier` ones."""

    endpoint: EndpointRef
    earlier: int


class ReleaseInput(BaseModel):
    """A release of held deliveries, so many a second."""

    endpoint: EndpointRef
    per_second: float


class DeliveryScope(BaseModel):
    """The deliveries of one endpoint, or of all endpoints of a tenant."""

    tenant_id: Name
    endpoint_id: Name | None = None


class TenantEndpoints(BaseModel):
    """Endpoints of a tenant."""

    tenant_id: Name
    endpoint_ids: list[Name]
