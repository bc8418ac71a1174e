"""Parts of one command: they end together, in order, whichever ends first."""

import asyncio
import gc
import io

import pytest
from support.waiting import assert_eventually

from runtime.errors import CommandError
from runtime.running import GARBAGE_THRESHOLDS, run_parts


class Part:
    """A part that notes what happens to it; it stops when `may_stop` is set."""

    def __init__(self, name: str, story: list[str]) -> None:
        self.name, self.story = name, story
        self.may_stop = asyncio.Event()

    async def run(self) -> None:
        self.story.append(f"{self.name} runs")
        try:
            await asyncio.Event().wait()
        finally:
            self.story.append(f"{self.name} stops")
            await self.may_stop.wait()
            self.story.append(f"{self.name} stopped")


async def failing(error: Exception) -> None:
    raise error


async def ending() -> None:
    """End without having been asked."""


async def test_stops_in_order():
    """When it is cancelled, the first part stops to its end before the second one is told."""
    story: list[str] = []
    api, worker = Part("API", story), Part("worker", story)
    command = asyncio.create_task(run_parts(API=api.run(), worker=worker.run()))
    await assert_eventually(lambda: len(story) == 2)
    command.cancel()
    await assert_eventually(lambda: "API stops" in story)
    assert "worker stops" not in story
    worker.may_stop.set()
    api.may_stop.set()
    with pytest.raises(asyncio.CancelledError):
        await command
    assert story[2:] == ["API stops", "API stopped", "worker stops", "worker stopped"]


async def test_second_cancellation_leaves_the_parts():
    """The second cancellation ends it, though no part has stopped."""
    story: list[str] = []
    command = asyncio.create_task(run_parts(API=Part("API", story).run()))
    await assert_eventually(lambda: len(story) == 1)
    command.cancel()
    await assert_eventually(lambda: "API stops" in story)
    command.cancel()
    with pytest.raises(asyncio.CancelledError):
        await command
    assert "API stopped" not in story


async def test_a_failed_part_stops_the_other(log_output: io.StringIO):
    """The other part stops to its end; then the failure is one sentence, and the log has it all."""
    story: list[str] = []
    api = Part("API", story)
    api.may_stop.set()
    with pytest.raises(CommandError) as raised:
        await run_parts(API=api.run(), worker=failing(ValueError("odd")))
    assert str(raised.value) == "the worker has ended by itself (odd); everything is stopped"
    assert story[-1] == "API stopped"
    assert "ValueError: odd" in log_output.getvalue()


async def test_a_command_error_stays_as_it_is():
    """What a part says to the user is not said in other words."""
    error = CommandError("set this")
    with pytest.raises(CommandError) as raised:
        await run_parts(worker=failing(error))
    assert raised.value is error


async def test_a_part_that_ends_without_an_error():
    """A part that just ends is a failure, too."""
    with pytest.raises(CommandError, match="the API has ended by itself; everything is stopped"):
        await run_parts(API=ending())


async def test_one_signal_while_a_failure_stops_the_rest():
    """A first cancellation after a failure neither hurries the rest nor hides the failure."""
    story: list[str] = []
    api = Part("API", story)
    command = asyncio.create_task(
        run_parts(API=api.run(), worker=failing(CommandError("the worker cannot run")))
    )
    await assert_eventually(lambda: "API stops" in story)
    command.cancel()
    await asyncio.sleep(0)
    assert not command.done()
    api.may_stop.set()
    with pytest.raises(CommandError, match="the worker cannot run"):
        await command
    assert story[-1] == "API stopped"


async def test_a_part_that_fails_while_it_stops(log_output: io.StringIO):
    """It is logged, and the next part is stopped all the same."""
    story: list[str] = []

    async def broken() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("cannot stop")

    worker = Part("worker", story)
    worker.may_stop.set()
    command = asyncio.create_task(run_parts(API=broken(), worker=worker.run()))
    await assert_eventually(lambda: len(story) == 1)
    command.cancel()
    with pytest.raises(asyncio.CancelledError):
        await command
    assert story[-1] == "worker stopped"
    assert "cannot stop" in log_output.getvalue()


async def test_what_exists_is_left_out_of_the_search_for_garbage() -> None:
    """While parts run, all that existed before them is never searched, and new objects are."""
    gc.unfreeze()
    usual = gc.get_threshold()
    try:
        with pytest.raises(CommandError):
            await run_parts(worker=failing(ValueError("odd")))
        assert gc.get_freeze_count() > len(gc.get_objects())
        assert gc.get_threshold() == GARBAGE_THRESHOLDS
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)
