"""It asks the API in the end what has become of everything, and writes the answers down."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from support.pages import walk

from ledger.records import Answers, File, Told
from ledger.site import Site

PAGE = 100
SECONDS_BETWEEN_LOOKS = 2.0
OPEN_STATES = ("pending", "held")


async def wait_for_ends(site: Site, deliveries: int, within: float) -> bool:
    """Wait until there are so many deliveries and all have ended. Return whether it came to that.

    A delivery that waits longer than this is told as it stands, and the checker judges it.
    """
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        totals = [await _totals(site, tenant) for tenant in site.world.tenants]
        still_open = sum(total.get(state, 0) for total in totals for state in OPEN_STATES)
        if not still_open and sum(sum(total.values()) for total in totals) >= deliveries:
            return True
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    return False


async def ask_deliveries(site: Site) -> list[Told]:
    """Ask for all deliveries."""
    return [
        _told(row)
        for tenant in site.world.tenants
        for row in await walk(site.http, f"/v1/tenants/{tenant}/deliveries", limit=PAGE)
    ]


async def ask_counters(site: Site, told: Sequence[Told]) -> Answers:
    """Ask for endpoints, statistics and totals, and add them to what was told of deliveries."""
    endpoints, statistics, asked_at = {}, {}, time.time()
    for hook in site.world.hooks:
        path = f"/v1/tenants/{hook.tenant}/endpoints/{site.world.endpoints[hook.name]}"
        endpoints[hook.name] = await site.call("GET", path)
        statistics[hook.name] = await site.call("GET", f"{path}/stats?window_seconds=86400")
    totals = {tenant: await _totals(site, tenant) for tenant in site.world.tenants}
    return Answers(asked_at, tuple(told), endpoints, statistics, totals)


def write(answers: Answers, folder: Path) -> None:
    """Write the answers down."""
    (folder / File.TOLD).write_text(json.dumps(asdict(answers)))


def _told(delivery: dict[str, Any]) -> Told:
    return Told(
        delivery["tenant_id"],
        delivery["event_id"],
        delivery["endpoint_id"],
        delivery["state"],
        delivery["next_attempt_at"],
        tuple(delivery["attempts"]),
    )


async def _totals(site: Site, tenant: str) -> dict[str, int]:
    totals: dict[str, int] = (await site.call("GET", f"/v1/tenants/{tenant}/stats"))["deliveries"]
    return totals
