"""Before which attempts a delivery waits for its turn in the queue of its endpoint."""

from datetime import UTC, datetime
from typing import Any

import pytest
from support.fakes import endpoint

from hookwright.health import Release
from hookwright.models import Attempt, DeliveryLog
from hookwright.outcomes import Outcome, Trigger

LIMITED = {"rate_limit_per_second": 1.0}
ORDERED = {"ordering": "fifo"}


def after(attempts: int, turn: int, **more: Any) -> DeliveryLog:
    """Return the log after so many failed attempts, of which the latest turn was for this one."""
    made = [
        Attempt(
            number=number,
            started_at=datetime(2026, 1, 15, tzinfo=UTC),
            duration_ms=1,
            outcome=Outcome.HTTP_ERROR,
            status_code=500,
            response_body="",
            error="",
        )
        for number in range(1, attempts + 1)
    ]
    return DeliveryLog(attempts=made, turn=turn, **more)


@pytest.mark.parametrize(
    ("config", "log", "waits"),
    [
        ({}, after(0, 0), False),
        (LIMITED, after(0, 0), True),
        (LIMITED, after(0, 1), False),
        (LIMITED, after(1, 1), True),  # a retry has a turn of its own
        (LIMITED, after(1, 2), False),
        (LIMITED, after(1, 1, release=Release.DRAIN), True),
        (LIMITED, after(1, 1, release=Release.PROBE), False),
        (LIMITED, after(1, 1, trigger=Trigger.MANUAL), False),
        (ORDERED, after(0, 0), True),
        (ORDERED, after(0, 1), False),
        (ORDERED, after(1, 1), False),  # it keeps its turn until it ends
        (LIMITED | ORDERED, after(1, 1), True),
        (LIMITED | ORDERED, after(1, 2), False),
    ],
)
def test_who_waits_for_a_turn(config: dict[str, Any], log: DeliveryLog, waits: bool) -> None:  # noqa: FBT001
    """With a rate limit each attempt does, with an order the first one; probes and people never."""
    assert endpoint(**config).needs_turn(log) is waits
