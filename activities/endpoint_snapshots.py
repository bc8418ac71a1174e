"""Endpoints as deliveries see them: the state that `Endpoint` keeps in its memo."""

import asyncio
from dataclasses import dataclass, field

from cachetools import TTLCache
from temporalio.client import Client

from hookwright.ids import endpoint_workflow_id
from hookwright.models import EndpointState
from hookwright.temporal import LatestRuns, endpoint_of

MAX_CACHED = 10_000
MAX_AGE_SECONDS = 5.0
"""How old a snapshot a first attempt may use: it bounds how long a backlog of first attempts goes
on as configured before a change. A retry always reads afresh."""

DESCRIBE_SECONDS = 3.0
"""A retry reads its endpoint before it shows life for the first time, and is taken for dead after
5 s."""


@dataclass(frozen=True)
class EndpointSnapshots:
    """Reads endpoints by `describe` (strongly consistent, needs no worker), and remembers them."""

    client: Client
    _runs: LatestRuns = field(default_factory=LatestRuns, init=False)
    _recent: TTLCache[str, EndpointState] = field(
        default_factory=lambda: TTLCache(MAX_CACHED, MAX_AGE_SECONDS), init=False
    )
    _changing: TTLCache[str, bool] = field(
        default_factory=lambda: TTLCache(MAX_CACHED, MAX_AGE_SECONDS), init=False
    )

    def expect_change(self, tenant_id: str, endpoint_id: str) -> None:
        """Read this endpoint afresh for a while: a failure may be changing it this very moment."""
        self._changing[endpoint_workflow_id(tenant_id, endpoint_id)] = True

    async def at_least(
        self, tenant_id: str, endpoint_id: str, version: int
    ) -> EndpointState | None:
        """Return the endpoint at this version or a later one, or None if it was deleted."""
        known = self.recent(tenant_id, endpoint_id)
        changing = endpoint_workflow_id(tenant_id, endpoint_id) in self._changing
        if known and known.version >= version and not changing:
            return known
        return await self.current(tenant_id, endpoint_id)

    def recent(self, tenant_id: str, endpoint_id: str) -> EndpointState | None:
        """Return the endpoint as it was at most MAX_AGE_SECONDS ago, if this worker knows that."""
        return self._recent.get(endpoint_workflow_id(tenant_id, endpoint_id))

    async def current(self, tenant_id: str, endpoint_id: str) -> EndpointState | None:
        """Return the endpoint as it is now, or None if it was deleted.

        Raises:
            RPCError, TimeoutError: Temporal did not say; ours to try again.
        """
        workflow_id = endpoint_workflow_id(tenant_id, endpoint_id)
        async with asyncio.timeout(DESCRIBE_SECONDS):
            description = await self._runs.described(self.client, workflow_id)
        state = await endpoint_of(description)
        if state is None:
            self._recent.pop(workflow_id, None)
            return None
        self._recent[workflow_id] = state
        if state.health.watched:
            self._changing[workflow_id] = True
        return state
