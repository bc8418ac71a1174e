"""Authentication, permissions, rate limits, and the application state that requests use."""

from api.access.auth import (
    DELIVERIES,
    ENDPOINTS,
    EVENTS,
    Caller,
    CallerDependency,
    CallerKind,
    CallerTenantId,
    DeliveryBudget,
    admit,
    count_call,
    operator_by_key,
    require_access,
    require_operator,
)
from api.access.hops import Hops
from api.access.limits import MAX_ENDPOINTS, PER_MINUTE, CallKind, RateLimitHeaders, RateLimits
from api.access.publishes import PublishMetrics, publish_kind
from api.access.state import AppState, AppStateDependency, ServicesDependency, app_state
from api.access.under_way import Holder

__all__ = [
    "DELIVERIES",
    "ENDPOINTS",
    "EVENTS",
    "MAX_ENDPOINTS",
    "PER_MINUTE",
    "AppState",
    "AppStateDependency",
    "CallKind",
    "Caller",
    "CallerDependency",
    "CallerKind",
    "CallerTenantId",
    "DeliveryBudget",
    "Holder",
    "Hops",
    "PublishMetrics",
    "RateLimitHeaders",
    "RateLimits",
    "ServicesDependency",
    "admit",
    "app_state",
    "count_call",
    "operator_by_key",
    "publish_kind",
    "require_access",
    "require_operator",
]
