"""Erasure: removing what Temporal keeps of a deleted tenant."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from temporalio import activity
from temporalio.client import Client, WorkflowExecution

from activities.entities import VISIBILITY_LAG_SECONDS
from activities.heartbeats import heartbeats
from hookwright.ids import tenant_workflow_prefixes
from hookwright.temporal import ActivityName, delete_execution, workflow_id_starts_with

LAST_PUBLISH_SECONDS = 15.0
"""An API process relies on what it read of a tenant for 5 s (`api.services.tenants.KNOWN_SECONDS`),
and in a batch for 1 s more (`api.routes.batch.REREAD_SECONDS`). Then a publish takes 5 s at most,
for two calls to Temporal, and visibility lags."""

CONCURRENT_DELETIONS = 100
"""Executions in a page of visibility, which lets ten pages a second be read."""


@dataclass(frozen=True)
class ErasureActivities:
    """Deletes executions with their histories."""

    client: Client

    @activity.defn(name=ActivityName.ERASE_TENANT)
    async def erase_tenant(self, tenant_id: str) -> None:
        """Delete every execution of a tenant except its own; what is running is terminated.

        Temporal deletes what has just ended half a minute later, so this goes on until nothing is
        listed any more. It lasts LAST_PUBLISH_SECONDS at least, because an event may still be
        accepted for so long. Safe to repeat.
        """
        clock = asyncio.get_running_loop().time
        last_search = clock() + LAST_PUBLISH_SECONDS
        prefixes = tenant_workflow_prefixes(tenant_id)
        query = workflow_id_starts_with(prefixes)
        found = True
        async with heartbeats():
            while found or clock() < last_search:
                await asyncio.sleep(VISIBILITY_LAG_SECONDS)
                found = False
                async for rows in self._pages(query):
                    # In STARTS_WITH, an underscore of an id stands for any character.
                    own = [row for row in rows if row.id.startswith(prefixes)]
                    await asyncio.gather(*map(self._delete, own))
                    found = found or bool(own)

    async def _pages(self, query: str) -> AsyncIterator[Sequence[WorkflowExecution]]:
        rows = self.client.list_workflows(query, page_size=CONCURRENT_DELETIONS)
        await rows.fetch_next_page()
        while rows.current_page:
            yield rows.current_page
            if not rows.next_page_token:
                return
            await rows.fetch_next_page()

    async def _delete(self, row: WorkflowExecution) -> None:
        await delete_execution(self.client, row.id, row.run_id)
