"""An ordered queue learns when the delivery that has its turn has ended."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest
from support.fakes import DELIVERED, FakeEgress, FakeEndpoints, attempts, endpoint, let_find_pending
from support.health import BEGIN
from support.stack import unique
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.delivery import DeliveryActivities
from activities.delivery import attempts as attempts_file
from hookwright.health import Release
from hookwright.models import AttemptInput, DeliveryInput, DeliveryLog, EventInput
from hookwright.outcomes import DeliveryState
from hookwright.temporal import Signal


@dataclass
class Line:
    """A delivery to an endpoint with an order, and what its queue is told."""

    event: EventInput = field(
        default_factory=lambda: EventInput(tenant_id="t1", id=unique("evt"), type="t", data={})
    )
    told: list[tuple[object, ...]] = field(default_factory=list)
    activities: DeliveryActivities = field(init=False)

    def __post_init__(self) -> None:
        egress = FakeEgress(lambda _: DELIVERED, AsyncMock(return_value=BEGIN))
        endpoints = FakeEndpoints(endpoint(ordering="fifo"))
        self.activities = attempts(cast("Client", self), endpoints, egress)

    def get_workflow_handle(self, _: str) -> Any:
        async def signal(*told: object) -> None:
            self.told.append(told)

        return SimpleNamespace(signal=signal)

    async def run(self, method: Any, log: DeliveryLog) -> DeliveryLog:
        environment = ActivityEnvironment()
        is_local = method == self.activities.first_attempt
        environment.info = replace(environment.info, is_local=is_local)
        delivery = DeliveryInput(
            event=self.event, happened_at=BEGIN, endpoint_id="ep_1", endpoint_version=1
        )
        after: DeliveryLog = await environment.run(method, AttemptInput(delivery=delivery, log=log))
        return after


async def test_a_quick_end_right_after_its_turn_is_seen_by_the_queue() -> None:
    """The queue waits for it, so it needs no signal: one fewer for each delivery in order."""
    line = Line()
    after = await line.run(line.activities.first_attempt, DeliveryLog(turn=1))
    assert (after.state, line.told) == (DeliveryState.DELIVERED, [])


@pytest.mark.parametrize("unreported", [True, False], ids=["unreported", "reported"])
async def test_an_end_just_before_a_cancellation_is_told(
    monkeypatch: pytest.MonkeyPatch, *, unreported: bool
) -> None:
    """A delivery that was delivered as it was cancelled lets the next one of its queue go on."""
    line = Line()
    log = (await line.run(line.activities.retry, DeliveryLog(turn=1))).model_copy(
        update={"unreported": unreported}
    )
    line.told.clear()
    let_find_pending(monkeypatch, log)
    monkeypatch.setattr(attempts_file, "recorded", AsyncMock(return_value=log))
    after = await line.run(line.activities.recorded_log, DeliveryLog(turn=1))
    assert after.state is DeliveryState.DELIVERED
    assert line.told == [(Signal.ENDED, line.event.id)]


async def test_a_first_post_that_was_made_before_a_cancellation_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A delivery is cancelled as its first POST delivers it: the cancellation tells its queue."""
    line = Line()
    let_find_pending(monkeypatch)
    log = DeliveryLog(turn=1)
    await line.run(line.activities.first_attempt, log)
    assert not line.told
    after = await line.run(line.activities.recorded_log, log)
    assert after.state is DeliveryState.DELIVERED
    assert line.told == [(Signal.ENDED, line.event.id)]


@pytest.mark.parametrize(
    "log",
    [
        DeliveryLog(turn=1, release=Release.PROBE, holds=1),
        DeliveryLog(turn=1, slow=True, untried=True),
        DeliveryLog(turn=1, untried=True),
    ],
    ids=["was_held", "in_the_slow_lane", "without_room"],
)
async def test_an_end_that_comes_later_is_told(log: DeliveryLog) -> None:
    """However quick its POST is: by then the queue may look at it once in five minutes."""
    line = Line()
    after = await line.run(line.activities.retry, log)
    assert after.state is DeliveryState.DELIVERED
    assert line.told == [(Signal.ENDED, line.event.id)]
