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
    await Timetable(faults, Random(1), (0.0, 0.01), ledger).run(site, enough)
    assert len(struck) == strikes
    assert {*struck[:3]} == {*"abc"}
    assert [strike.fault for strike in strikes_in(tmp_path)] == struck


async def test_no_faults(tmp_path: Path) -> None:
    """Without faults nothing strikes, and nothing is waited for."""
    site: Any = None
    ledger = Appending(tmp_path / "strikes.jsonl")
    await Timetable([], Random(1), (60.0, 60.0), ledger).run(site, asyncio.Event())
    assert strikes_in(tmp_path) == []
