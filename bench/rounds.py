"""One round of a scenario, measured from outside the processes that do the work."""

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
"""The pause between the last answer and reading the clocks: meanwhile the last workflows close."""

READERS = 10


@dataclass(frozen=True)
class History:
    """The average history of some workflows: its number of events, and its size in bytes."""

    events: float
    size: float


@dataclass(frozen=True)
class Round:
    """The results of one round, for each delivery (or bare workflow) that it completed."""

    rate: float
    cpu_ms: Mapping[str, float]
    history: History
    event_history: History | None
    database_bytes: float
    publish_ms: float | None


async def run_round(site: Site, scenario: Scenario, count: int) -> Round:
    """Run one round and return its results. All its workflows must complete.

    The time is counted from the first request to the close time of the last workflow, as the server
    recorded it. The histories are read afterwards, because reading them costs processor time, too.
    """
    stored = database_bytes(site.database)
    used = cpu_seconds(site.processes)
    started = time.time()
    load = await scenario.load(site, count)
    await asyncio.sleep(SETTLE_SECONDS)
    used_after = cpu_seconds(site.processes)
    stored_after = database_bytes(site.database)
    closed = await _wait_until_closed(site, load.counted)
    events = await _wait_until_closed(site, load.events)
    units = len(load.counted)
    return Round(
        rate=units / (max(map(_close_time, closed)) - started),
        cpu_ms={name: (used_after[name] - used[name]) * 1000 / units for name in used},
        history=_history(closed),
        event_history=_history(events) if events else None,
        database_bytes=(stored_after - stored) / units,
        publish_ms=_publish_ms(load),
    )


async def _wait_until_closed(site: Site, ids: Sequence[str]) -> list[WorkflowExecutionDescription]:
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

    return await for_each(ids, wait_for, READERS)


def _close_time(description: WorkflowExecutionDescription) -> float:
    if description.close_time is None:
        raise RuntimeError(f"{description.id} is completed but has no close time")
    return description.close_time.timestamp()


def _history(descriptions: Sequence[WorkflowExecutionDescription]) -> History:
    infos = [description.raw_description.workflow_execution_info for description in descriptions]
    return History(
        events=sum(info.history_length for info in infos) / len(infos),
        size=sum(info.history_size_bytes for info in infos) / len(infos),
    )


def _publish_ms(load: Load) -> float | None:
    return median(load.publish_seconds) * 1000 if load.publish_seconds else None
