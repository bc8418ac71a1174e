"""A busy tenant rests after its turn for as long as the server lets wait."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from support.waiting import assert_eventually

from hookwright.turns import rests as module
from hookwright.turns.rests import MAX_REST_SECONDS, TIMES_THE_DELAY, Rests


class Timers:
    """The rests that were asked of the event loop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds: list[float] = []
        monkeypatch.setattr(module.asyncio, "get_running_loop", lambda: self)

    def call_later(self, seconds: float, _: object) -> None:
        self.seconds.append(seconds)


def turn(
    rests: Rests, seconds: float, ended: Callable[[], Any] = list, *, needed: bool = True
) -> None:
    """End a turn that did its work."""
    rests.learn(seconds)
    rests.after(seconds, ended, needed=needed)


def test_rest_is_as_long_as_the_delay_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a turn took beyond the shortest one counts, and a rest has an end."""
    timers, rests, ended = Timers(monkeypatch), Rests(), list[None]()
    for seconds in (0.25, 0.5, 60.0):
        turn(rests, seconds, lambda: ended.append(None))
    assert timers.seconds == [pytest.approx(TIMES_THE_DELAY * 0.25, rel=0.02), MAX_REST_SECONDS]
    assert len(ended) == 1


def test_whoever_is_not_busy_does_not_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without need a turn ends at once, and it is learned from all the same."""
    timers, rests, ended = Timers(monkeypatch), Rests(), list[None]()
    for seconds in (0.25, 60.0):
        turn(rests, seconds, lambda: ended.append(None), needed=False)
    assert (len(ended), timers.seconds) == (2, [])
    turn(rests, 0.5)
    assert len(timers.seconds) == 1


def test_one_lucky_turn_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an hour of turns of the same length none counts as delayed."""
    now = 0.0
    timers, rests = Timers(monkeypatch), Rests(clock=lambda: now)
    turn(rests, 0.001)
    turn(rests, 0.01)
    assert len(timers.seconds) == 1
    for _ in range(3600):
        now += 1.0
        turn(rests, 0.01)
    timers.seconds.clear()
    turn(rests, 0.01)
    assert not timers.seconds


def test_a_load_that_lasts_is_a_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many turns are slow for some minutes, rests stay as long as at the beginning."""
    now = 0.0
    timers, rests = Timers(monkeypatch), Rests(clock=lambda: now)
    turn(rests, 0.005)
    for _ in range(5_000):
        now += 0.06
        turn(rests, 0.3)
    assert timers.seconds[-1] == pytest.approx(timers.seconds[0], rel=0.02)


async def test_a_rest_ends() -> None:
    """What is called after a rest is called."""
    rests, ended = Rests(), asyncio.Event()
    turn(rests, 0.001)
    turn(rests, 0.01, ended.set)
    assert not ended.is_set()
    await assert_eventually(ended.is_set)
