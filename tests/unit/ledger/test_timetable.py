"""When faults strike: each of them once in any case, and then until it is enough."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ledger.faults import Timetable
from ledger.records import Appending, strikes_in
from ledger.run import Options, events_of
from ledger.world import World


@dataclass
class Noted:
    """A fault that only notes that it struck, and ends the publishing at some strike."""

    name: str
    struck: list[str]
    enough: asyncio.Event
    enough_at: int
    doubles: bool = False
    kills_worker: bool = field(default=False)

    async def strike(self, *_: object) -> None:
        self.struck.append(self.name)
        if len(self.struck) == self.enough_at:
            self.enough.set()


@pytest.mark.parametrize(("enough_at", "strikes"), [(1, 3), (3, 3), (5, 5)])
async def test_each_fault_strikes(tmp_path: Path, enough_at: int, strikes: int) -> None:
    """The first round is whole, also if publishing ends in it; later ones end with it."""
    struck, enough = list[str](), asyncio.Event()
    faults: Sequence[Any] = [Noted(name, struck, enough, enough_at) for name in "abc"]
    ledger = Appending(tmp_path / "strikes.jsonl")
    site: Any = None
    timetable = Timetable(faults, Random(1), (0.0, 0.01), ledger)
    await timetable.run(site, enough)
    assert timetable.has_struck_all.is_set()
    assert len(struck) == strikes
    assert {*struck[:3]} == {*"abc"}
    assert [strike.fault for strike in strikes_in(tmp_path)] == struck


async def test_no_faults(tmp_path: Path) -> None:
    """Without faults nothing strikes, and nothing is waited for."""
    site: Any = None
    ledger = Appending(tmp_path / "strikes.jsonl")
    timetable = Timetable([], Random(1), (60.0, 60.0), ledger)
    await timetable.run(site, asyncio.Event())
    assert strikes_in(tmp_path) == []
    assert timetable.has_struck_all.is_set()


async def test_events_are_published_until_each_fault_has_struck(tmp_path: Path) -> None:
    """At least as many as were asked for, and more until each fault has struck once."""
    options, world = Options(events=3), World.of(1)
    timetable = Timetable([], Random(1), (0.0, 0.0), Appending(tmp_path / "strikes.jsonl"))
    events = events_of(world, options, timetable)
    assert len([next(events) for _ in range(7)]) == 7
    timetable.has_struck_all.set()
    assert next(events, None) is None
    assert len([*events_of(world, options, timetable)]) == 3
