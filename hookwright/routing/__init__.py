"""Routing: a tenant's route table, and which of its endpoints get an event."""

from hookwright.routing.matching import explain, filter_expressions, filter_verdict, is_addressed
from hookwright.routing.route_table import (
    Refusal,
    RouteChange,
    RouteChanges,
    RoutesChanged,
    RouteTable,
    TenantRouteChange,
    TenantState,
)

__all__ = [
    "Refusal",
    "RouteChange",
    "RouteChanges",
    "RouteTable",
    "RoutesChanged",
    "TenantRouteChange",
    "TenantState",
    "explain",
    "filter_expressions",
    "filter_verdict",
    "is_addressed",
]
