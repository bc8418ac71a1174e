"""Heartbeats of an activity that waits."""

import asyncio

import pytest
from support.waiting import assert_eventually
from temporalio.testing import ActivityEnvironment

from activities import heartbeats as module
from activities.heartbeats import heartbeats


async def test_it_beats_while_it_waits_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An activity that waits for others shows life on its own, and stops when it is done."""
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.001)
    environment, beats = ActivityEnvironment(), []
    environment.on_heartbeat = lambda *_: beats.append(1)

    async def waits() -> None:
        async with heartbeats():
            await assert_eventually(lambda: len(beats) > 5)
        done = len(beats)
        await asyncio.sleep(0.01)
        assert len(beats) == done

    await environment.run(waits)
