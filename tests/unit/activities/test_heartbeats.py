"""Heartbeats of an activity that waits."""

import asyncio

import pytest
from support.waiting import assert_eventually
from temporalio.testing import ActivityEnvironment

from activities import heartbeats as module
from activities.heartbeats import heartbeats


@pytest.mark.parametrize(("tells", "beats"), [(["begun"], 0), (["begun", "done"], 1)])
async def test_only_what_is_new_is_told_at_the_end(tells: list[str], beats: int) -> None:
    """An activity that ends soon sends no heartbeat, unless there is progress to record."""
    environment, sent = ActivityEnvironment(), []
    environment.on_heartbeat = lambda *details: sent.append(details)

    async def ends_soon() -> None:
        told = tells[0]
        async with heartbeats(lambda: (told,)):
            told = tells[-1]

    await environment.run(ends_soon)
    assert sent == [("done",)] * beats


async def test_what_was_told_is_not_repeated_at_the_end() -> None:
    """Progress that was told at once is told once."""
    environment, sent = ActivityEnvironment(), []
    environment.on_heartbeat = lambda *details: sent.append(details)

    async def tells() -> None:
        told = "begun"
        async with heartbeats(lambda: (told,)) as tell:
            told = "done"
            tell()

    await environment.run(tells)
    assert sent == [("done",)]


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
