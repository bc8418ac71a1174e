"""Giving turns: what a killed worker may have done counts against the rate limit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.fakes import FakeEndpoints, endpoint
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.turns import TurnActivities
from hookwright.queueing import QueuePace, QueuePlace, QueueTurns, TurnsGiven

NOW = datetime.now(UTC)


class EndedDeliveries:
    """Temporal, as far as it is needed: every delivery has ended."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get_workflow_handle(self, workflow_id: str) -> Any:
        self.asked.append(workflow_id)
        return self

    async def signal(self, *_: object) -> None:
        raise RPCError("ended", RPCStatusCode.NOT_FOUND, b"")


async def given(per_second: float | None, details: list[TurnsGiven]) -> TurnsGiven:
    """Return what comes of a turn for a delivery that has ended."""
    state = endpoint(rate_limit_per_second=per_second)
    client: Any = EndedDeliveries()
    endpoints: Any = FakeEndpoints(state)
    turns = QueueTurns(
        tenant_id=state.tenant_id,
        endpoint_id=state.endpoint_id,
        line="",
        rules=state.queue_rules,
        places=[QueuePlace("evt_1", NOW, 1)],
    )
    environment = ActivityEnvironment()
    environment.info = replace(environment.default_info(), heartbeat_details=details)
    return await environment.run(TurnActivities(client, endpoints).give_turns, turns)


async def test_a_delivery_that_has_ended_uses_no_turn() -> None:
    """Its place is done with, and the next turn is due as before."""
    result = await given(20.0, [])
    assert (result.done, result.pace) == (1, QueuePace())


@pytest.mark.parametrize("begun", [True, False])
async def test_a_turn_that_may_have_been_given_counts(begun: bool) -> None:  # noqa: FBT001
    """After a killed worker that had begun, the next turn is due an interval later."""
    before = datetime.now(UTC)
    result = await given(20.0, [TurnsGiven(begun=begun)])
    is_later = result.pace.next_at(before, 1 / 20) >= before + timedelta(seconds=0.97 / 20)
    assert is_later is begun
