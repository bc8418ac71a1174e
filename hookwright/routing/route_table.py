"""A tenant's route table: which events each endpoint wants. The workflow `Tenant` owns it.

The table is divided into slices. Each slice is an entry of the tenant's memo, so that a change
writes one slice to the history and not the whole table.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, field_validator

from hookwright.audit import AuditTrail
from hookwright.ids import Name
from hookwright.models import Route, TenantSettings
from hookwright.sizes import MAX_ROUTE_BYTES, MAX_ROUTE_TABLE_BYTES, MAX_SLICE_BYTES
from hookwright.temporal import ErrorType
from hookwright.times import Timestamp

VERSION_DIGITS = 10
"""The size of a route includes this many digits for its version from the start. So a full table
still accepts new versions of its routes, for example when endpoints are disabled."""

Slice = list[Route]


class TenantState(BaseModel):
    """The whole state of a `Tenant` workflow. Version 0: started, but without settings so far.

    Earlier versions stored the routes as one dictionary by endpoint. It is read as one large slice.
    """

    tenant_id: Name
    version: int = 0
    settings: TenantSettings = TenantSettings()
    routes: list[Slice] = []
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    deleted: bool = False
    erase: bool = False
    audit: AuditTrail = AuditTrail()

    @field_validator("routes", mode="before")
    @classmethod
    def _one_slice(cls, routes: Any) -> Any:  # noqa: ANN401 - any stored form
        return [list(routes.values())] if isinstance(routes, dict) else routes


class RouteChange(BaseModel):
    """A change of one endpoint's route: the new route, or None if the endpoint is deleted."""

    endpoint_id: Name
    route: Route | None

    @property
    def size(self) -> int:
        """The bytes of the change as JSON."""
        return len(self.model_dump_json().encode())


class TenantRouteChange(BaseModel):
    """A change of one endpoint's route, and the tenant whose table it changes."""

    tenant_id: Name
    change: RouteChange


class RouteChanges(BaseModel):
    """The argument of a tenant's update `change_routes`."""

    changes: list[RouteChange]


class Refusal(BaseModel):
    """Why a change was refused: a type for programs and a sentence for people."""

    type: str
    message: str


class RoutesChanged(BaseModel):
    """The answer to `change_routes`: for each change, in order, None or why it was refused."""

    refusals: list[Refusal | None]


FULL = Refusal(
    type=ErrorType.TOO_MANY_ENDPOINTS,
    message="this tenant's subscriptions fill its route table; delete endpoints first",
)
TOO_LARGE = Refusal(
    type=ErrorType.ROUTE_TOO_LARGE,
    message=f"an endpoint's route has at most {MAX_ROUTE_BYTES} bytes",
)


MAX_ORDERED = 100
"""Endpoints of a tenant that may have an order: before a publish is answered, its event takes a
place in the queue of each one that it goes to, which is a call to Temporal."""

TOO_MANY_ORDERED = Refusal(
    type=ErrorType.TOO_MANY_ENDPOINTS,
    message=f'a tenant has at most {MAX_ORDERED} endpoints with the ordering "fifo"',
)


class RouteTable:
    """Routes in the order of registration, in numbered slices.

    `changed` holds the numbers of the slices that have changed since they were written to the memo.
    A slice that has become empty keeps its number until the table is packed again.
    """

    def __init__(self, slices: Iterable[Slice]) -> None:
        self.changed: set[int] = set()
        self._slices = [{route.endpoint_id: route for route in routes} for routes in slices]
        self._sizes = [sum(map(route_size, routes.values())) for routes in self._slices]
        self._numbers = {
            endpoint_id: number
            for number, routes in enumerate(self._slices)
            for endpoint_id in routes
        }

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def size(self) -> int:
        """The bytes of all routes, with room for their versions to grow."""
        return sum(self._sizes)

    def apply(self, change: RouteChange) -> Refusal | None:
        """Make a change. Return None, or the reason if it is refused.

        A version that is not newer than the known one changes nothing, and is not refused.
        """
        if change.route is None:
            self.remove(change.endpoint_id)
            return None
        return self.put(change.route)

    def put(self, route: Route) -> Refusal | None:
        """Add a route, or replace the endpoint's older route in the same position."""
        number = self._numbers.get(route.endpoint_id)
        known = None if number is None else self._slices[number][route.endpoint_id]
        if known and known.version >= route.version:
            return None
        if route.ordered and not (known and known.ordered) and self._ordered() >= MAX_ORDERED:
            return TOO_MANY_ORDERED
        size = route_size(route)
        grows_by = size - (route_size(known) if known else 0)
        if size > MAX_ROUTE_BYTES:
            return TOO_LARGE
        if grows_by > 0 and self.size + grows_by > MAX_ROUTE_TABLE_BYTES:
            return FULL
        if number is None:
            number = self._numbers[route.endpoint_id] = self._last_with_room(size)
        self._slices[number][route.endpoint_id] = route
        self._sizes[number] += grows_by
        self.changed.add(number)
        return None

    def remove(self, endpoint_id: str) -> None:
        """Remove an endpoint's route, if there is one."""
        number = self._numbers.pop(endpoint_id, None)
        if number is not None:
            self._sizes[number] -= route_size(self._slices[number].pop(endpoint_id))
            self.changed.add(number)

    def clear(self) -> list[str]:
        """Remove all routes. Return their endpoint ids, in the order of registration."""
        endpoint_ids = [endpoint_id for routes in self._slices for endpoint_id in routes]
        for endpoint_id in endpoint_ids:
            self.remove(endpoint_id)
        return endpoint_ids

    def slice(self, number: int) -> Slice:
        """Return the routes of one slice."""
        return list(self._slices[number].values())

    def slices(self) -> list[Slice]:
        """Return all slices, including empty ones."""
        return [self.slice(number) for number in range(len(self._slices))]

    def packed(self) -> list[Slice]:
        """Return the same routes in as few slices as possible."""
        packed: list[Slice] = []
        free_bytes = 0
        for route in (route for routes in self._slices for route in routes.values()):
            size = route_size(route)
            if size > free_bytes:
                packed.append([])
                free_bytes = MAX_SLICE_BYTES
            packed[-1].append(route)
            free_bytes -= size
        return packed

    def _ordered(self) -> int:
        return sum(route.ordered for routes in self._slices for route in routes.values())

    def _last_with_room(self, size: int) -> int:
        """Return the number of the last slice, or of a new one if the last has too little room."""
        if not self._slices or self._sizes[-1] + size > MAX_SLICE_BYTES:
            self._slices.append({})
            self._sizes.append(0)
        return len(self._slices) - 1


def route_size(route: Route) -> int:
    """Return the bytes of a route in the table, with room for its version to grow."""
    return len(route.model_dump_json().encode()) - len(str(route.version)) + VERSION_DIGITS + 1
