"""Routing: a tenant's route table, and which of its endpoints get an event."""

from hookwright.routing.deliveries import Matches, deliveries_of
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
    "Matches",
    "Refusal",
    "RouteChange",
    "RouteChanges",
    "RouteTable",
    "RoutesChanged",
    "TenantRouteChange",
    "TenantState",
    "deliveries_of",
    "explain",
    "filter_expressions",
    "filter_verdict",
    "is_addressed",
]
