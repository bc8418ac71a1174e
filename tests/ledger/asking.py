"""It asks the API in the end what has become of everything, and writes the answers down."""

import asyncio
import json
import math
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from support.stack import CODEC
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from hookwright.ids import delivery_workflow_id, event_workflow_id
from hookwright.temporal import connect
from ledger.book import OPEN_STATES, Book, Repeat
from ledger.records import File, Told
from ledger.site import Site

PAGE = 100
SECONDS_BETWEEN_LOOKS = 2.0


async def wait_for_ends(site: Site, deliveries: int, within: float) -> bool:
    """Wait until there are so many deliveries and all have ended. Return whether it came to that.

    It waits for as long as fewer and fewer are open, and gives up when that has not been so for
    `within` seconds: a backlog takes its time. What is open then breaks a rule.
    """
    fewest, deadline = math.inf, time.monotonic() + within
    while time.monotonic() < deadline:
        totals = [await _totals(site, tenant) for tenant in site.world.tenants]
        still_open = sum(total.get(state, 0) for total in totals for state in OPEN_STATES)
        missing = max(0, deliveries - sum(sum(total.values()) for total in totals))
        if not still_open and not missing:
            return True
        if still_open + missing < fewest:
            fewest, deadline = still_open + missing, time.monotonic() + within
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    return False


async def ask_deliveries(site: Site) -> None:
    """Ask for all deliveries, and write down what was told, and when each tenant was asked for."""
    asked, told = {}, list[Told]()
    for tenant in site.world.tenants:
        asked[tenant] = time.time()
        told += [_told(row) for row in await _all_rows(site, f"/v1/tenants/{tenant}/deliveries")]
    rows = [asdict(it) for it in told]
    (site.folder / File.TOLD).write_text(json.dumps({"asked": asked, "rows": rows}))


async def ask_counters(site: Site) -> None:
    """Ask for endpoints, statistics and totals, and write them down."""
    endpoints, statistics = {}, {}
    for hook in site.world.hooks:
        path = f"/v1/tenants/{hook.tenant}/endpoints/{site.world.endpoints[hook.name]}"
        endpoints[hook.name] = await site.call("GET", path)
        statistics[hook.name] = await site.call("GET", f"{path}/stats?window_seconds=86400")
    totals = {tenant: await _totals(site, tenant) for tenant in site.world.tenants}
    counters = {"endpoints": endpoints, "statistics": statistics, "totals": totals}
    (site.folder / File.COUNTERS).write_text(json.dumps(counters))


async def ask_histories(site: Site, book: Book) -> None:
    """Write down which POSTs Temporal had no record of when they were made once more.

    Asked for are those that nothing else explains.
    """
    address = f"127.0.0.1:{site.temporal_door.port}"
    client = await connect(CODEC, target_host=address, namespace=site.namespace)
    unrecorded = [
        repeat.first.token
        for repeat in book.repeats
        if not (repeat.is_explained or await _was_recorded(client, site, repeat))
    ]
    (site.folder / File.UNRECORDED).write_text(json.dumps(unrecorded))


async def _was_recorded(client: Client, site: Site, repeat: Repeat) -> bool:
    """Return whether the delivery's histories had a record of the first POST before the second.

    If it has no history, whatever the reason, nothing is taken for unrecorded.
    """
    first, second = repeat.first, repeat.second
    endpoint_id = site.world.endpoints.get(first.hook, "")
    ids = (
        event_workflow_id(first.tenant, first.webhook_id),
        delivery_workflow_id(first.tenant, endpoint_id, first.webhook_id),
    )
    has_history = False
    async for run in client.list_workflows(f"WorkflowId IN {ids}"):
        has_history = True
        history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        if has_record(history.events, first.arrived, second.arrived):
            return True
    return not has_history


def has_record(events: Iterable[HistoryEvent], posted: float, until: float) -> bool:
    """Return whether a history has recorded, before `until`, what came of a POST.

    Of a first attempt the record is a marker, of a later one the end of an activity. The task that
    made the POST began before it. What a later task records is another attempt, or that it made
    none.
    """
    began: dict[int, float] = {}
    for event in events:
        at = began[event.event_id] = event.event_time.ToNanoseconds() / 1e9
        task = None
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                completed = event.workflow_task_completed_event_attributes
                began[event.event_id] = began[completed.started_event_id]
            case EventType.EVENT_TYPE_MARKER_RECORDED:
                task = event.marker_recorded_event_attributes.workflow_task_completed_event_id
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                task = event.activity_task_completed_event_attributes.started_event_id
        if task is not None and began[task] < posted < at < until:
            return True
    return False


async def _all_rows(site: Site, path: str) -> list[dict[str, Any]]:
    """Return all rows of a list. After an hour of load no single failure may end the run."""
    rows, cursor = list[dict[str, Any]](), None
    while True:
        params = {"limit": PAGE, **({"cursor": cursor} if cursor else {})}
        page = await site.call("GET", path, params=params)
        rows += page["data"]
        if (cursor := page["next_cursor"]) is None:
            return rows


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
