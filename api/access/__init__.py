"""Authentication, permissions, rate limits, and the application state that requests use."""

from api.access.auth import (
    DELIVERIES,
    ENDPOINTS,
    EVENTS,
    CallerTenantId,
    admit,
    count_call,
    require_access,
    require_operator,
)
from api.access.limits import RateLimitHeaders, RateLimits
from api.access.state import AppState, AppStateDependency, ServicesDependency, app_state

__all__ = [
    "DELIVERIES",
    "ENDPOINTS",
    "EVENTS",
    "AppState",
    "AppStateDependency",
    "CallerTenantId",
    "RateLimitHeaders",
    "RateLimits",
    "ServicesDependency",
    "admit",
    "app_state",
    "count_call",
    "require_access",
    "require_operator",
]
