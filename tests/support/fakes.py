"""Fakes for what a workflow test is not about: receivers and endpoints without a network."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest
from temporalio.client import Client, WorkflowHandle

from activities.delivery import (
    AttemptRunner,
    DeliveryActivities,
    DeliveryReports,
    HandOvers,
    QueuePlaces,
    ReportQueue,
    WebhookSender,
)
from activities.egress import Answer, Egress
from activities.endpoint_snapshots import EndpointSnapshots
from hookwright.expressions import Evaluator
from hookwright.health import Report
from hookwright.models import EndpointConfig, EndpointState, Secret
from hookwright.outcomes import Outcome
from hookwright.webhook import generate_secret
from support.stack import CONTRACTS

OWN_QUEUE = "own"
"""A worker's own task queue, on which these tests' worker is not."""

DELIVERED = Answer(Outcome.DELIVERED, status_code=200, body="ok")


def failed(status: int, retry_after: str | None = None) -> Answer:
    """Return what a receiver's error looks like."""
    return Answer(
        Outcome.HTTP_ERROR,
        status_code=status,
        body="",
        error=f"the receiver answered {status}",
        retry_after=retry_after,
    )


@dataclass
class FakeEgress:
    """Answers as the test sets it and keeps each POST's time (by its `clock`), URL and timeout."""

    answer: Callable[[int], Answer]
    clock: Callable[[], Awaitable[datetime]] | None = None
    times: list[datetime] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)

    async def post(
        self, url: str, _headers: Mapping[str, str], _body: bytes, seconds: float, *_: object
    ) -> Answer:
        assert self.clock is not None
        self.times.append(await self.clock())
        self.urls.append(url)
        self.timeouts.append(seconds)
        return self.answer(len(self.times))

    def gaps(self) -> list[float]:
        """Return the seconds between one POST and the next."""
        return [
            (later - earlier).total_seconds()
            for earlier, later in zip(self.times, self.times[1:], strict=False)
        ]


@dataclass
class FakeEndpoints:
    """One endpoint, whatever is asked; None once it is deleted."""

    state: EndpointState | None

    def expect_change(self, *_: object) -> None:
        pass

    def recent(self, *_: object) -> EndpointState | None:
        return self.state

    async def at_least(self, *_: object) -> EndpointState | None:
        return self.state

    async def current(self, *_: object) -> EndpointState | None:
        return self.state


@dataclass
class FakeReportQueue:
    """Keeps what would be reported to the endpoint."""

    reports: list[Report] = field(default_factory=list)
    successes: int = 0

    async def add(self, _tenant: str, _endpoint: str, _rule: object, report: Report) -> None:
        self.reports.append(report)

    def is_reported(self, key: str) -> bool:
        return any(report.key == key for report in self.reports)

    def tally(self, *_: object) -> None:
        self.successes += 1


def let_find_pending(monkeypatch: pytest.MonkeyPatch, *activities: object) -> None:
    """Let a delivery's activities find these pending activities of its workflow."""
    found = SimpleNamespace(raw_description=SimpleNamespace(pending_activities=activities))
    handle = SimpleNamespace(describe=AsyncMock(return_value=found))
    monkeypatch.setattr(DeliveryActivities, "_workflow", lambda _: handle)


def endpoint(**config: Any) -> EndpointState:
    """Return an endpoint as a worker reads it."""
    return EndpointState(
        tenant_id="t1",
        endpoint_id="ep_1",
        version=1,
        config=EndpointConfig(
            **{"url": "https://hooks.example.com/in", "contract": "standard", **config}
        ),
        secrets=[Secret(value=generate_secret())],
    )


def attempts(client: Client, endpoints: FakeEndpoints, egress: FakeEgress) -> DeliveryActivities:
    """Return a delivery's activities on these fakes."""
    sender = WebhookSender(cast("Egress", egress), CONTRACTS, Evaluator())
    snapshots = cast("EndpointSnapshots", endpoints)
    reports = DeliveryReports(cast("ReportQueue", FakeReportQueue()), snapshots, sender)
    runner = AttemptRunner(sender, reports)
    queues = QueuePlaces(client, "entities")
    return DeliveryActivities(client, snapshots, runner, queues, HandOvers(OWN_QUEUE))


Deliver = Callable[[FakeEgress, FakeEndpoints], Awaitable[WorkflowHandle[Any, Any]]]
"""Starts a delivery with these fakes."""
