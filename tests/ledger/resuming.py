"""An operator who resumes endpoints once the names of their receivers are right again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hookwright.contracts import DisabledReason
from ledger.site import Site

SECONDS_BETWEEN_LOOKS = 10.0


@asynccontextmanager
async def resume_what_was_blocked(site: Site) -> AsyncIterator[None]:
    """Resume what is disabled because a name led to a forbidden address, while the context is open.

    Probes do it, but not for a receiver that never answers 2xx. An endpoint that is disabled for
    another reason stays so, and breaks a rule.
    """
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(_look_again_and_again(site))
        yield
        looking.cancel()


async def _look_again_and_again(site: Site) -> None:
    while True:
        for tenant in site.world.tenants:
            path = f"/v1/tenants/{tenant}/endpoints"
            for endpoint in (await site.call("GET", path))["data"]:
                if endpoint["disabled_reason"] == DisabledReason.BLOCKED_DESTINATION:
                    await site.call("POST", f"{path}/{endpoint['id']}/resume")
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
