"""Heartbeats of an activity that waits."""

import asyncio
from dataclasses import replace

import pytest
from support.waiting import assert_eventually
from temporalio.testing import ActivityEnvironment

from activities import heartbeats as module
from activities.heartbeats import heartbeats


def environment_with(*recorded: str) -> tuple[ActivityEnvironment, list[tuple[str, ...]]]:
    """Return an activity with what its last run has recorded, and a list of what it will send."""
    environment, sent = ActivityEnvironment(), list[tuple[str, ...]]()
    environment.info = replace(environment.info, heartbeat_details=recorded)
    environment.on_heartbeat = lambda *details: sent.append(details)
    return environment, sent


@pytest.mark.parametrize(
    ("recorded", "end", "sent_at_end"),
    [
        ((), "begun", [("begun",)]),
        ((), "done", [("done",)]),
        (("begun",), "begun", []),
        (("begun",), "done", [("done",)]),
    ],
)
async def test_what_is_not_recorded_is_told_at_the_end(
    recorded: tuple[str, ...], end: str, sent_at_end: list[tuple[str]]
) -> None:
    """An activity that ends soon sends a heartbeat if Temporal does not have its progress."""
    environment, sent = environment_with(*recorded)

    async def ends_soon() -> None:
        told = "begun"
        async with heartbeats(lambda: (told,)):
            told = end

    await environment.run(ends_soon)
    assert sent == sent_at_end


async def test_without_progress_nothing_is_told_at_the_end() -> None:
    """An activity that only shows life, and ends before its first heartbeat, sends none."""
    environment, sent = environment_with()

    async def ends_soon() -> None:
        async with heartbeats():
            pass

    await environment.run(ends_soon)
    assert not sent


async def test_what_was_told_is_not_repeated_at_the_end() -> None:
    """Progress that was told at once is told once."""
    environment, sent = environment_with()

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
