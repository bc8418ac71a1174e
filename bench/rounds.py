"""One round of a scenario, measured from outside the processes that do the work."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus

from bench.actions import history_actions
from bench.machine import cpu_seconds, database_bytes
from bench.publishing import Published
from bench.scenarios import Load, Scenario
from bench.site import Site
from bench.waiting import PAUSE_SECONDS, for_each

SETTLE_SECONDS = 0.5
"""The pause between the last answer and reading the clocks: meanwhile the last workflows close."""

READERS = 10
MOST_DESCRIBED, MOST_READ = 400, 40
"""Of how many workflows a round reads the description, and of how many the whole history. The POSTs
of all are counted in any case."""

SOLE = "Delivery"
"""The type of an event's own workflow if it is the event's only delivery as well."""


@dataclass(frozen=True)
class History:
    """What an event's workflows have stored on average, and what they count as actions."""

    workflows: float
    events: float
    size: float
    actions: float


@dataclass(frozen=True)
class Round:
    """The results of one round. `rate` is events (or bare workflows) a second.

    `cpu_ms` and `database_bytes` are for one event. Without the server's processes, or its
    database, they are not known.
    """

    rate: float
    cpu_ms: Mapping[str, float]
    history: History
    database_bytes: float | None
    deliveries: float
    published: Published | None


async def run_round(site: Site, scenario: Scenario, count: int) -> Round:
    """Run one round and return its results. All its workflows must complete.

    The time is counted from the first request to the close time of the last workflow, as the server
    recorded it. The histories are read afterwards, because reading them costs processor time, too.
    """
    stored = _stored(site)
    used = cpu_seconds(site.processes)
    started = time.time()
    load = await scenario.load(site, count)
    await asyncio.sleep(SETTLE_SECONDS)
    used_after = cpu_seconds(site.processes)
    grown = _stored(site) - stored
    closed = await _wait_until_closed(site, load)
    ended = max(_close_time(each).timestamp() for each in closed)
    return Round(
        rate=count / (ended - started),
        cpu_ms={name: (used_after[name] - used[name]) * 1000 / count for name in used},
        history=await _history(site, load),
        database_bytes=grown / count if site.database else None,
        deliveries=load.deliveries / count,
        published=load.published,
    )


def _stored(site: Site) -> int:
    return database_bytes(site.database) if site.database else 0


async def event_workflows(site: Site, load: Load, root: str) -> list[str]:
    """Return the ids of an event's workflows.

    An event for one endpoint may be one workflow, which is its delivery at the same time.
    """
    others = load.delivery_ids(root)
    if len(others) == 1:
        description = await site.client.get_workflow_handle(root).describe()
        if description.workflow_type == SOLE:
            return [root]
    return [root, *others]


async def _wait_until_closed(site: Site, load: Load) -> list[WorkflowExecutionDescription]:
    """Wait for the workflows of a round: all, or those of the last events and of some others."""
    events = max(MOST_DESCRIBED * len(load.roots) // max(load.deliveries, 1), 1)
    last, rest = load.roots[-events:], load.roots[:-events]
    some = rest[:: max(len(rest) // events, 1)]
    chosen = await for_each([*some, *last], lambda root: event_workflows(site, load, root), READERS)

    async def wait_for(workflow_id: str) -> WorkflowExecutionDescription:
        handle = site.client.get_workflow_handle(workflow_id)
        description = await handle.describe()
        while description.status is WorkflowExecutionStatus.RUNNING:
            await asyncio.sleep(PAUSE_SECONDS)
            description = await handle.describe()
        if description.status is not WorkflowExecutionStatus.COMPLETED:
            raise RuntimeError(
                f"{workflow_id} ended as {description.status}; the round is not valid"
            )
        return description

    return await for_each((each for ids in chosen for each in ids), wait_for, READERS)


def _close_time(description: WorkflowExecutionDescription) -> datetime:
    if description.close_time is None:
        raise RuntimeError(f"{description.id} is completed but has no close time")
    return description.close_time


async def _history(site: Site, load: Load) -> History:
    """Read the histories of some events, spread over the round."""
    sample = max(MOST_READ * len(load.roots) // max(load.deliveries, 1), 1)
    roots = load.roots[:: max(len(load.roots) // sample, 1)][:sample]
    workflows = await for_each(roots, lambda root: event_workflows(site, load, root), READERS)
    ids = [each for part in workflows for each in part]
    read = await for_each(ids, lambda each: _read(site, each), READERS)
    events, sizes, actions = (sum(column) / len(roots) for column in zip(*read, strict=True))
    return History(len(ids) / len(roots), events, sizes, actions)


async def _read(site: Site, workflow_id: str) -> tuple[int, int, int]:
    """Return the events, bytes and actions of a workflow."""
    handle = site.client.get_workflow_handle(workflow_id)
    info = (await handle.describe()).raw_description.workflow_execution_info
    events = (await handle.fetch_history()).events
    return len(events), info.history_size_bytes, history_actions(events)
