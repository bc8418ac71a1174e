"""Route tables as publishing reads them: fresh at each publish, and decoded once a change."""

import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple

from cachetools import LRUCache
from temporalio.client import WorkflowExecutionDescription

from hookwright.models import Route
from hookwright.temporal import MemoKey, routes_of

MAX_ROUTES_AT_PUBLISH = 1_000
"""A larger route table is left to the worker: reading it takes an API process milliseconds."""

MAX_PATTERNS_AT_PUBLISH = 5_000
"""The patterns in the subscriptions of all endpoints of a tenant. A publish compares each of them,
which takes up to 0.25 us, and an endpoint may have fifty."""

MAX_CACHED_BYTES = 2_000_000
"""As stored, of all tenants together: about 25,000 short subscriptions. They take up to ten times
as much memory, so some 20 MB."""

ENTRY_BYTES = 100
"""What a table counts besides its routes, so that tenants without endpoints are forgotten, too."""


class Decoded(NamedTuple):
    """A route table, with the digest and the size of what it was decoded from."""

    digest: bytes
    stored_bytes: int
    routes: list[Route]


@dataclass(frozen=True)
class RouteTables:
    """Decodes route tables, and remembers those that have not changed since."""

    _decoded: LRUCache[str, Decoded] = field(
        default_factory=lambda: LRUCache(MAX_CACHED_BYTES, getsizeof=lambda it: it.stored_bytes),
        init=False,
    )

    async def of(self, tenant: WorkflowExecutionDescription) -> list[Route]:
        """Return the route table in a tenant's memo."""
        digest, stored_bytes = _stored(tenant)
        known = self._decoded.get(tenant.id)
        if known and known.digest == digest:
            return known.routes
        routes = await routes_of(tenant)
        if stored_bytes <= MAX_CACHED_BYTES:
            self._decoded[tenant.id] = Decoded(digest, stored_bytes, routes)
        return routes


def is_left_to_worker(routes: list[Route]) -> bool:
    """Return whether a route table is so large that the worker matches events, not the API."""
    if len(routes) > MAX_ROUTES_AT_PUBLISH:
        return True
    return sum(len(route.event_types) for route in routes) > MAX_PATTERNS_AT_PUBLISH


def _stored(tenant: WorkflowExecutionDescription) -> tuple[bytes, int]:
    """Return a digest of the stored table, and its size.

    Encryption makes it another digest after each change.
    """
    digest, size = hashlib.blake2b(digest_size=16), ENTRY_BYTES
    fields = tenant.raw_description.workflow_execution_info.memo.fields
    for key in sorted(key for key in fields if key.startswith(MemoKey.ROUTES)):
        data = fields[key].data
        digest.update(f"{key} {len(data)} ".encode())
        digest.update(data)
        size += len(data)
    return digest.digest(), size
