"""The queue of reports to endpoints.

Reports are sent in groups, so a storm of failures costs an endpoint one signal a second.
"""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import structlog
from cachetools import TTLCache
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.delivery.ledger import MAX_REPLY_AGE_SECONDS
from hookwright import metrics
from hookwright.contracts import DeactivationRule
from hookwright.health import MAX_REPORTS, Report, Reports, latencies_of, merged
from hookwright.ids import endpoint_workflow_id
from hookwright.outcomes import Outcome
from hookwright.temporal import Signal

SIGNAL_INTERVAL_SECONDS = 1.0
"""The time between two signals of a worker to an endpoint. One workflow handles about five a
second."""

TALLY_AFTER_SECONDS = 60.0
TALLIES_PER_SECOND = 1.0
"""Successes of healthy endpoints are reported late and rarely, so that they cost almost nothing for
any number of endpoints: a worker sends at most one such signal a second."""

MAX_COUNTED = 20_000
"""How many successes are remembered as counted: more than there are replies for tasks that are run
again (`activities.delivery.ledger`)."""

FINAL_TALLIES_AT_ONCE, FINAL_TALLIES_SECONDS = 20, 10.0
"""A worker that stops sends all its tallies within this time. Its POSTs have ended by then."""

log = structlog.get_logger(__name__)


WaitingReport = tuple[Report, "asyncio.Future[None]"]
"""A report, and a future that is done once the report is stored."""


@dataclass
class Tally:
    """The successes of an endpoint that are not reported yet, and how long they took."""

    since: float
    delivered: int = 0
    latencies: list[int] = field(default_factory=list)
    last_at: datetime | None = None


@dataclass
class EndpointReports:
    """The reports to one endpoint that wait for their signal."""

    rule: DeactivationRule
    waiting: list[WaitingReport] = field(default_factory=list)


@dataclass(frozen=True)
class ReportQueue:
    """Sends reports to endpoints, as long as its context lasts."""

    client: Client
    _reports: dict[str, EndpointReports] = field(default_factory=dict, init=False)
    _tallies: dict[str, Tally] = field(default_factory=dict, init=False)
    _counted: TTLCache[str, None] = field(
        default_factory=lambda: TTLCache(MAX_COUNTED, MAX_REPLY_AGE_SECONDS), init=False
    )
    _reported: TTLCache[str, None] = field(
        default_factory=lambda: TTLCache(MAX_COUNTED, MAX_REPLY_AGE_SECONDS), init=False
    )
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def __aenter__(self) -> Self:
        self._start_task(self._send_tallies())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._send_all_tallies()

    async def add(
        self, tenant_id: str, endpoint_id: str, rule: DeactivationRule, report: Report
    ) -> None:
        """Send a report, which is stored when this returns. A deleted endpoint is ignored.

        A success that is counted already, by `tally` or a report with this key, is not sent again.

        Raises:
            RPCError: Temporal did not store the report.
        """
        if report.key in self._counted:
            return
        if report.outcome is Outcome.DELIVERED:
            self._reported[report.key] = None
        workflow_id = endpoint_workflow_id(tenant_id, endpoint_id)
        stored = asyncio.get_running_loop().create_future()
        reports = self._reports.get(workflow_id)
        if reports is None:
            reports = self._reports[workflow_id] = EndpointReports(rule)
            self._start_task(self._send(workflow_id, reports))
        reports.rule = rule
        reports.waiting.append((report, stored))
        await stored
        if report.outcome is Outcome.DELIVERED:
            self._counted[report.key] = None

    def is_reported(self, key: str) -> bool:
        """Return whether a success was given to `add`, which may have stored it or not."""
        return key in self._reported

    def tally(
        self, tenant_id: str, endpoint_id: str, key: str, at: datetime, duration_ms: int
    ) -> None:
        """Count a success that does not change the health. It is reported within about a minute.

        A task that is run again counts its success again, under the same `key`: once is enough.
        """
        if key in self._counted:
            return
        self._counted[key] = None
        workflow_id = endpoint_workflow_id(tenant_id, endpoint_id)
        tally = self._tallies.setdefault(workflow_id, Tally(time.monotonic()))
        tally.delivered += 1
        tally.latencies = merged(tally.latencies, latencies_of(duration_ms))
        tally.last_at = at

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, workflow_id: str, reports: EndpointReports) -> None:
        """Send the waiting reports, and those that are added in the meantime."""
        try:
            while waiting := reports.waiting:
                batch, reports.waiting = waiting[:MAX_REPORTS], waiting[MAX_REPORTS:]
                await self._send_batch(workflow_id, reports.rule, batch)
                await asyncio.sleep(SIGNAL_INTERVAL_SECONDS)
        finally:
            del self._reports[workflow_id]

    async def _send_batch(
        self, workflow_id: str, rule: DeactivationRule, batch: list[WaitingReport]
    ) -> None:
        metrics.group_committed("reports", len(batch))
        failure: Exception | None = None
        try:
            await self._signal(workflow_id, rule, [report for report, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is raised in the callers of `add`
            failure = error
        for _, stored in batch:
            if stored.done():  # the caller of `add` was cancelled
                continue
            if failure:
                stored.set_exception(failure)
            else:
                stored.set_result(None)

    async def _send_tallies(self) -> None:
        while True:
            await asyncio.sleep(1 / TALLIES_PER_SECOND)
            oldest = next(iter(self._tallies), None)
            due_since = time.monotonic() - TALLY_AFTER_SECONDS
            if oldest and self._tallies[oldest].since < due_since:
                await self._send_tally(oldest)

    async def _send_all_tallies(self) -> None:
        semaphore = asyncio.Semaphore(FINAL_TALLIES_AT_ONCE)

        async def send(workflow_id: str) -> None:
            async with semaphore:
                await self._send_tally(workflow_id)

        try:
            async with asyncio.timeout(FINAL_TALLIES_SECONDS):
                await asyncio.gather(*map(send, [*self._tallies]))
        except TimeoutError:
            log.warning("tallies.lost", endpoints=len(self._tallies))

    async def _send_tally(self, workflow_id: str) -> None:
        try:
            await self._signal(workflow_id, None, [])
        except Exception as error:  # noqa: BLE001 - it must not stop other endpoints' tallies
            # Tallies only inform people. Attempts that affect the health are reported, not tallied.
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
