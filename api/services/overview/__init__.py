"""Services that look across: what has changed and by whom, and the endpoints of all tenants."""

from api.services.overview.all_endpoints import AllEndpointsService
from api.services.overview.audit import AuditPage, AuditService, ListedEntry
from api.services.overview.status_changes import NumberedChange, StatusChangeService
from api.services.overview.unreadable_events import UnreadableEvent, UnreadableEventService

__all__ = [
    "AllEndpointsService",
    "AuditPage",
    "AuditService",
    "ListedEntry",
    "NumberedChange",
    "StatusChangeService",
    "UnreadableEvent",
    "UnreadableEventService",
]
