"""Route tables as publishing reads them: fresh at each publish, and decoded once a change."""

import hashlib
from dataclasses import dataclass, field

from cachetools import LRUCache
from temporalio.client import WorkflowExecutionDescription

from hookwright.models import Route
from hookwright.temporal import MemoKey, routes_of

MAX_CACHED_ROUTES = 20_000
"""Routes of all tenants together: some 20 MB."""


@dataclass(frozen=True)
class RouteTables:
    """Decodes route tables, and remembers those that have not changed since."""

    _decoded: LRUCache[str, tuple[bytes, list[Route]]] = field(
        default_factory=lambda: LRUCache(MAX_CACHED_ROUTES, getsizeof=lambda known: len(known[1])),
        init=False,
    )

    async def of(self, tenant: WorkflowExecutionDescription) -> list[Route]:
        """Return the route table in a tenant's memo."""
        digest = _digest(tenant)
        known = self._decoded.get(tenant.id)
        if known and known[0] == digest:
            return known[1]
        routes = await routes_of(tenant)
        if len(routes) <= MAX_CACHED_ROUTES:
            self._decoded[tenant.id] = digest, routes
        return routes


def _digest(tenant: WorkflowExecutionDescription) -> bytes:
    """Return a digest of the stored table. Encryption makes it another one after each change."""
    digest = hashlib.blake2b(digest_size=16)
    fields = tenant.raw_description.workflow_execution_info.memo.fields
    for key in sorted(key for key in fields if key.startswith(MemoKey.ROUTES)):
        digest.update(f"{key} {len(fields[key].data)} ".encode())
        digest.update(fields[key].data)
    return digest.digest()
