"""One round of a scenario, measured from outside."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus

from bench.machine import cpu_seconds, database_bytes
from bench.scenarios import Load, Scenario
from bench.site import Site
from bench.waiting import PAUSE_SECONDS, for_each

SETTLE_SECONDS = 0.5
"""Between the last answer and reading the clocks: the last workflows close meanwhile."""

READERS = 10


@dataclass(frozen=True)
class History:
    """The histories of some workflows, on average."""

    events: float
    size: float


@dataclass(frozen=True)
class Round:
    """What one round cost, for each delivery (or bare workflow) that it completed."""

    rate: float
    cpu_ms: Mapping[str, float]
    history: History
    event_history: History | None
    database_bytes: float
    publish_ms: float | None


async def play(site: Site, scenario: Scenario, count: int) -> Round:
    """Play one round; all its workflows must complete.

    The clock runs from the first request to the close of the last workflow, as the server
    recorded it. Reading the histories costs processor time too, so that comes afterwards.
    """
    stored = database_bytes(site.database)
    used = cpu_seconds(site.processes)
    started = time.time()
    load = await scenario.load(site, count)
    await asyncio.sleep(SETTLE_SECONDS)
    used_after = cpu_seconds(site.processes)
    stored_after = database_bytes(site.database)
    closed = await _closed(site, load.counted)
    events = await _closed(site, load.events)
    units = len(load.counted)
    return Round(
        rate=units / (max(map(_close_time, closed)) - started),
        cpu_ms={name: (used_after[name] - used[name]) * 1000 / units for name in used},
        history=_history(closed),
        event_history=_history(events) if events else None,
        database_bytes=(stored_after - stored) / units,
        publish_ms=_publish_ms(load),
    )


async def _closed(site: Site, ids: Sequence[str]) -> list[WorkflowExecutionDescription]:
    async def closed(workflow_id: str) -> WorkflowExecutionDescription:
        handle = site.client.get_workflow_handle(workflow_id)
        it = await handle.describe()
        while it.status is WorkflowExecutionStatus.RUNNING:
            await asyncio.sleep(PAUSE_SECONDS)
            it = await handle.describe()
        if it.status is not WorkflowExecutionStatus.COMPLETED:
            raise RuntimeError(f"{workflow_id} ended as {it.status}; the round does not count")
        return it

    return await for_each(ids, closed, READERS)


def _close_time(it: WorkflowExecutionDescription) -> float:
    if it.close_time is None:
        raise RuntimeError(f"{it.id} is completed and has no close time")
    return it.close_time.timestamp()


def _history(them: Sequence[WorkflowExecutionDescription]) -> History:
    infos = [it.raw_description.workflow_execution_info for it in them]
    return History(
        events=sum(info.history_length for info in infos) / len(infos),
        size=sum(info.history_size_bytes for info in infos) / len(infos),
    )


def _publish_ms(load: Load) -> float | None:
    return median(load.publish_seconds) * 1000 if load.publish_seconds else None
