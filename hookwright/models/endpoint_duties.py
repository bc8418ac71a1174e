"""The arguments of the activities that carry out an endpoint's duties."""

from pydantic import BaseModel

from hookwright.audit import AskedBy
from hookwright.health import Notice
from hookwright.ids import Name


class EndpointRef(BaseModel):
    """A reference to an endpoint."""

    tenant_id: Name
    endpoint_id: Name


class NoticesInput(BaseModel):
    """Notices of an endpoint, to be published in this order."""

    endpoint: EndpointRef
    notices: list[Notice]


class ProbeInput(BaseModel):
    """A probe of a disabled endpoint. `earlier` is the number of probes before it."""

    endpoint: EndpointRef
    earlier: int


class ReleaseInput(BaseModel):
    """A release of held deliveries, at `per_second` deliveries a second."""

    endpoint: EndpointRef
    per_second: float


class DeliveryScope(BaseModel):
    """The deliveries of one endpoint, or of all endpoints of a tenant."""

    tenant_id: Name
    endpoint_id: Name | None = None


class TenantEndpoints(AskedBy):
    """Some endpoints of a tenant, and who asked for what is done with them."""

    tenant_id: Name
    endpoint_ids: list[Name]
