"""Route tables as publishing reads them: fresh at each publish, and decoded once a change."""

import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple

from cachetools import LRUCache
from temporalio.client import WorkflowExecutionDescription

from hookwright.models import Route
from hookwright.temporal.executions import routes_of
from hookwright.temporal.names import MemoKey

MAX_ROUTES_AT_PUBLISH = 1_000
"""A larger route table is left to the worker: reading it takes an API process milliseconds."""

MAX_PATTERNS_AT_PUBLISH = 5_000
"""The patterns in the subscriptions of all endpoints of a tenant. A publish compares each of them,
which takes up to 0.25 us, and an endpoint may have fifty."""

MAX_CACHED_BYTES = 2_000_000
"""As JSON, of all tenants together: about 25,000 short subscriptions. They take up to ten times as
much memory, so some 20 MB."""

ENTRY_BYTES = 100
"""What a table counts besides its routes, so that tenants without endpoints are forgotten, too."""


class Decoded(NamedTuple):
    """A route table, with the digest of what it was decoded from, and its bytes as JSON."""

    digest: bytes
    size: int
    routes: list[Route]


@dataclass(frozen=True)
class RouteTables:
    """Decodes route tables, and remembers those that have not changed since."""

    _decoded: LRUCache[str, Decoded] = field(
        default_factory=lambda: LRUCache(MAX_CACHED_BYTES, getsizeof=lambda it: it.size),
        init=False,
    )

    async def of(self, tenant: WorkflowExecutionDescription) -> list[Route]:
        """Return the route table in a tenant's memo."""
        digest = _digest(tenant)
        known = self._decoded.get(tenant.id)
        if known and known.digest == digest:
            return known.routes
        routes = await routes_of(tenant)
        if not is_left_to_worker(routes):
            size = ENTRY_BYTES + sum(len(route.model_dump_json()) for route in routes)
            if size <= MAX_CACHED_BYTES:
                self._decoded[tenant.id] = Decoded(digest, size, routes)
        return routes


def is_left_to_worker(routes: list[Route]) -> bool:
    """Return whether a route table is so large that the worker matches events, not the API."""
    if len(routes) > MAX_ROUTES_AT_PUBLISH:
        return True
    return sum(len(route.event_types) for route in routes) > MAX_PATTERNS_AT_PUBLISH


def _digest(tenant: WorkflowExecutionDescription) -> bytes:
    """Return a digest of the stored table. Encryption makes it another one after each change."""
    digest = hashlib.blake2b(digest_size=16)
    fields = tenant.raw_description.workflow_execution_info.memo.fields
    for key in sorted(key for key in fields if key.startswith(MemoKey.ROUTES)):
        digest.update(f"{key} {len(fields[key].data)} ".encode())
        digest.update(fields[key].data)
    return digest.digest()
