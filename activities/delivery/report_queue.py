"""What becomes of deliveries, told to their endpoints.

Group commit: a storm of failures is one signal a second.
"""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from hookwright.contracts import DeactivationRule
from hookwright.health import MAX_REPORTS, Report, Reports, latencies_of, merged
from hookwright.ids import endpoint_workflow_id
from hookwright.temporal import Signal

INTERVAL_SECONDS = 1.0
"""Between two signals of a worker to an endpoint. One workflow takes some five a second."""

TALLY_AFTER_SECONDS = 60.0
TALLIES_PER_SECOND = 1.0
"""Successes on healthy endpoints are told late and seldom, so that they cost next to nothing
however many endpoints there are: of one worker, at most one signal a second."""

FINAL_TALLIES_AT_ONCE, FINAL_SECONDS = 20, 10.0
"""A worker that stops tells all tallies that it has, for so long; its POSTs have ended by then."""

log = structlog.get_logger(__name__)


WaitingReport = tuple[Report, "asyncio.Future[None]"]
"""A report, and what is done once it is stored."""


@dataclass
class Tally:
    """Successes of an endpoint that are still to be told, and how long they took."""

    since: float
    delivered: int = 0
    latencies: list[int] = field(default_factory=list)
    last_at: datetime | None = None


@dataclass
class EndpointReports:
    """Reports to one endpoint that wait for their signal."""

    rule: DeactivationRule
    waiting: list[WaitingReport] = field(default_factory=list)


@dataclass(frozen=True)
class ReportQueue:
    """Tells endpoints, as long as its context lasts."""

    client: Client
    _lines: dict[str, EndpointReports] = field(default_factory=dict, init=False)
    _tallies: dict[str, Tally] = field(default_factory=dict, init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def __aenter__(self) -> Self:
        self._begin(self._send_tallies())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._send_all_tallies()

    async def add(
        self, tenant_id: str, endpoint_id: str, rule: DeactivationRule, report: Report
    ) -> None:
        """Report something; it is stored when this returns. Nothing if the endpoint is deleted.

        Raises:
            RPCError: Temporal did not store it.
        """
        workflow_id = endpoint_workflow_id(tenant_id, endpoint_id)
        stored = asyncio.get_running_loop().create_future()
        line = self._lines.get(workflow_id)
        if line is None:
            line = self._lines[workflow_id] = EndpointReports(rule)
            self._begin(self._send(workflow_id, line))
        line.rule = rule
        line.waiting.append((report, stored))
        await stored

    def tally(self, tenant_id: str, endpoint_id: str, at: datetime, duration_ms: int) -> None:
        """Count a success that changes nothing; it is told within a minute or so."""
        workflow_id = endpoint_workflow_id(tenant_id, endpoint_id)
        tally = self._tallies.setdefault(workflow_id, Tally(time.monotonic()))
        tally.delivered += 1
        tally.latencies = merged(tally.latencies, latencies_of(duration_ms))
        tally.last_at = at

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, workflow_id: str, line: EndpointReports) -> None:
        """Send what waits, and go on while more has come in the meantime."""
        try:
            while line.waiting:
                batch, line.waiting = line.waiting[:MAX_REPORTS], line.waiting[MAX_REPORTS:]
                await self._send_batch(workflow_id, line.rule, batch)
                await asyncio.sleep(INTERVAL_SECONDS)
        finally:
            del self._lines[workflow_id]

    async def _send_batch(
        self, workflow_id: str, rule: DeactivationRule, batch: list[WaitingReport]
    ) -> None:
        failure: Exception | None = None
        try:
            await self._signal(workflow_id, rule, [report for report, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is raised where the report was made
            failure = error
        for _, stored in batch:
            if stored.done():  # its attempt was cancelled
                continue
            if failure:
                stored.set_exception(failure)
            else:
                stored.set_result(None)

    async def _send_tallies(self) -> None:
        while True:
            await asyncio.sleep(1 / TALLIES_PER_SECOND)
            oldest = next(iter(self._tallies), None)
            ripe = time.monotonic() - TALLY_AFTER_SECONDS
            if oldest and self._tallies[oldest].since < ripe:
                await self._send_tally(oldest)

    async def _send_all_tallies(self) -> None:
        gate = asyncio.Semaphore(FINAL_TALLIES_AT_ONCE)

        async def tell(workflow_id: str) -> None:
            async with gate:
                await self._send_tally(workflow_id)

        try:
            async with asyncio.timeout(FINAL_SECONDS):
                await asyncio.gather(*map(tell, [*self._tallies]))
        except TimeoutError:
            log.warning("tallies.lost", endpoints=len(self._tallies))

    async def _send_tally(self, workflow_id: str) -> None:
        try:
            await self._signal(workflow_id, None, [])
        except Exception as error:  # noqa: BLE001 - it must not stop the tallies of all others
            # Figures for people; what decides is reported, not tallied.
            log.warning("tally.lost", workflow_id=workflow_id, error=str(error))

    async def _signal(
        self, workflow_id: str, rule: DeactivationRule | None, reports: list[Report]
    ) -> None:
        tally = self._tallies.pop(workflow_id, Tally(0))
        signal = Reports(
            rule=rule,
            reports=reports,
            delivered=tally.delivered,
            latencies=tally.latencies,
            last_delivered_at=tally.last_at,
        )
        try:
            await self.client.get_workflow_handle(workflow_id).signal(Signal.REPORT, signal)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
