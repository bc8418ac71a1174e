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

__all__ = [
    "DELIVERIES",
    "ENDPOINTS",
    "EVENTS",
    "OwnTenant",
    "RateLimitHeaders",
    "RateLimits",
    "admit",
    "count",
    "require_access",
    "require_operator",
]
