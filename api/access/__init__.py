"""Who calls, what it may do, and how often."""

from api.access.auth import (
    DELIVERIES,
    ENDPOINTS,
    EVENTS,
    OwnTenant,
    admit,
    count,
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
    "OwnTenant",
    "RateLimitHeaders",
    "RateLimits",
    "ServicesDependency",
    "admit",
    "app_state",
    "count",
    "require_access",
    "require_operator",
]
