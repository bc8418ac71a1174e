"""A receiver that fails all the time: its endpoint hears of everything, and seldom."""

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from support.receiver import Receiver, answering
from support.stack import Stack
from support.waiting import eventually

from activities.delivery import report_queue
from hookwright.ids import endpoint_workflow_id

pytestmark = pytest.mark.cluster

EVENTS, PUBLISHERS = 90, 10
INTERVAL = report_queue.SIGNAL_INTERVAL_SECONDS
"""The product's own, read before other tests are made to wait less."""


@pytest.mark.timeout(300)
async def test_storm_of_failures_is_a_signal_a_second(
    service: Stack, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every failure is counted once, in at most one signal a second.

    The receiver may count more: a worker that gets no CPU for seconds looks dead, and what it had
    in flight is sent again, under the same number.
    """
    monkeypatch.setattr(report_queue, "SIGNAL_INTERVAL_SECONDS", INTERVAL)
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [0.1, 0.1]})
    workflow_id = endpoint_workflow_id(service.tenant, endpoint["id"])
    for _ in range(EVENTS // PUBLISHERS):
        await asyncio.gather(*(service.publish() for _ in range(PUBLISHERS)))

    async def counted() -> int:
        path = f"{service.root}/endpoints/{endpoint['id']}"
        return (await service.http.get(path)).json()["consecutive_failures"]

    await eventually(counted, lambda number: number == 3 * EVENTS, within=200)
    posts = Counter(hooks.ids())
    assert len(posts) == EVENTS
    assert min(posts.values()) >= 3
    history = await service.client.get_workflow_handle(workflow_id).fetch_history()
    times = [
        event.event_time.ToDatetime()
        for event in history.events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    # A signal is sent a second after the one before was stored.
    close = [late - early for early, late in pairwise(times)]
    assert min(close) > timedelta(seconds=0.9)
    assert len(times) < EVENTS
