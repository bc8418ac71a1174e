"""A recovery goes on when its worker stops."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.recovery import RecoveryActivities
from hookwright.models import RecoverInput, RecoveryInput, RecoveryProgress, RecoverySelection


async def test_a_worker_that_stops_leaves_the_rest_to_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The activity ends by an error that nobody counts, and is not taken for complete."""
    began = asyncio.Event()

    async def recover(*_: object) -> None:
        began.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(RecoveryActivities, "_recover", recover)
    nothing: Any = None
    recovery = RecoveryInput(
        tenant_id="t1",
        endpoint_id="ep_1",
        since=datetime(2026, 1, 15, tzinfo=UTC),
        until=datetime(2026, 1, 16, tzinfo=UTC),
        status=RecoverySelection.FAILED,
        per_second=1,
    )
    given = RecoverInput(recovery=recovery, progress=RecoveryProgress())
    activities = RecoveryActivities(nothing, nothing, "deliveries", nothing)
    environment = ActivityEnvironment()
    running = asyncio.create_task(environment.run(activities.recover, given))
    await began.wait()
    environment.worker_shutdown()
    with pytest.raises(ApplicationError, match="this worker stops") as stopped:
        await running
    assert stopped.value.category is ApplicationErrorCategory.BENIGN
    assert not stopped.value.non_retryable
