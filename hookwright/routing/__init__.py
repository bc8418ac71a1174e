"""Routing: a tenant's route table, and which of its endpoints get an event."""

from hookwright.routing.deliveries import (
    cheap_deliveries,
    deliveries_of,
    ordered_routes,
    possible_deliveries,
    sole_delivery,
)
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
    "cheap_deliveries",
    "deliveries_of",
    "explain",
    "filter_expressions",
    "filter_verdict",
    "is_addressed",
    "ordered_routes",
    "possible_deliveries",
    "sole_delivery",
]
