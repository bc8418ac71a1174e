"""Newest first, from a store that lists in another order: windows of start time, sorted here.

Temporal's visibility on SQL knows no `ORDER BY`. It lists what runs first, then what closed last,
so a row moves when its execution ends; where it began stays. docs/decisions/0015 has the figures.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from temporalio.api.common.v1 import Memo
from temporalio.client import WorkflowExecutionStatus

MAX_CALLS = 8
"""Calls to visibility for one page. A production server allows 10 a second."""

BY_SAMPLE = 3
"""Narrowings that trust the rows seen. If they do not suffice, the last to begin were not the last
to close (a deleted endpoint's, say), and leaps of doubling width find them."""


class Place(NamedTuple):
    """A row's place, which no other has: when its run began, in nanoseconds, and the run's id."""

    started: int
    run_id: str


NEWEST, OLDEST = Place(2**63 - 1, ""), Place(0, "")


@dataclass(frozen=True)
class Row:
    """An execution as visibility has it."""

    workflow_id: str
    place: Place
    status: WorkflowExecutionStatus
    memo: Memo = field(default_factory=Memo)


Look = Callable[[Place, Place, int], Awaitable[tuple[list[Row], bool]]]
"""Returns rows from one place on and before another, at most so many, in any order, and whether
there are more."""


@dataclass
class Walk:
    """Reads a list, newest first. All rows down to `place` are read, those at it too.

    `width` is how far below it, in nanoseconds, to look for the next page; 0 is to the end.
    `crowded_at` is a start below it, while it is known that too many rows lie between.
    """

    look: Look
    place: Place = NEWEST
    width: int = 0
    crowded_at: int = 0
    ended: bool = False
    calls: int = 0

    @property
    def out_of_calls(self) -> bool:
        """Whether the page has cost as many calls as it may."""
        return self.calls >= MAX_CALLS

    async def next_rows(self, wanted: int, size: int) -> list[Row]:
        """Return the next rows, none left out: so many or more, but at the end or when tired.

        `size` is how many rows a call may return; it must be more than are wanted.
        """
        rows: list[Row] = []
        lower = Place(max(0, self.place.started - self.width), "") if self.width else OLDEST
        narrowings = BY_SAMPLE if self.crowded_at else 0
        while not (self.ended or self.out_of_calls):
            self.calls += 1
            found, more = await self.look(lower, self.place, size)
            found.sort(key=lambda row: row.place, reverse=True)
            if more and found:
                narrowings += 1
                self.crowded_at = lower.started
                lower = self._nearer(found, wanted - len(rows), narrowings)
                self.width = self.place.started - lower.started
            else:
                rows += found
                self._read_to(lower, found, (wanted + size) // 2)
                if len(rows) >= wanted:
                    self.crowded_at = 0
                    break
                lower = self._middle()
        return rows

    def resume_after(self, row: Row) -> None:
        """Let the next page begin after this row: those that came after it were not used."""
        self.place, self.ended = row.place, False

    def _nearer(self, found: list[Row], wanted: int, narrowings: int) -> Place:
        """Return from where on there are fewer rows, though enough, having seen some of them."""
        enough = found[min(wanted, len(found)) - 1].place
        if narrowings <= BY_SAMPLE:
            return enough
        newest, oldest = found[0].place.started, found[-1].place.started
        leap = newest + (newest - oldest) * 2 ** (narrowings - BY_SAMPLE - 1)
        middle = (enough.started + self.place.started) // 2
        return max(enough, Place(min(leap, middle), ""))

    def _read_to(self, lower: Place, found: list[Row], aim: int) -> None:
        """Go on to `lower`, and look next as far as a page of such density reaches."""
        span = found[0].place.started - lower.started if found else 0
        self.width = 0 if lower == OLDEST else span * aim // max(1, len(found))
        self.place, self.ended = lower, lower == OLDEST

    def _middle(self) -> Place:
        """Return from where to look, after too few: halfway to where there were too many."""
        if not 0 < self.crowded_at < self.place.started:
            self.crowded_at = 0
            return OLDEST
        middle = Place((self.crowded_at + self.place.started) // 2, "")
        self.width = self.place.started - middle.started
        return middle
