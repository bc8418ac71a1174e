"""Services that look across: what has changed of endpoints, and the endpoints of all tenants."""

from api.services.overview.all_endpoints import AllEndpointsService
from api.services.overview.status_changes import NumberedChange, StatusChangeService

__all__ = ["AllEndpointsService", "NumberedChange", "StatusChangeService"]
