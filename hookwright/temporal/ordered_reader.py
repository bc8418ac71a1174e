"""Executions in the order of a time, from a store that lists in another order.

Temporal's visibility on SQL knows no `ORDER BY`. It lists what runs first, then what closed last,
so a row moves when its execution ends; its times stay. So the reader asks for windows of time, as
wide as a page of rows, and sorts each. docs/decisions/0015 has the figures.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import NamedTuple

from temporalio.api.common.v1 import Memo
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.converter import decode_typed_search_attributes

from hookwright.temporal.queries import EXECUTION_TIME, START_TIME
from hookwright.temporal.search_attributes import ACCEPTED_AT

SAMPLED_NARROWINGS = 3
"""Narrowings that trust the rows seen. If they do not suffice, the rows that come first were not
the ones that visibility lists first (a deleted endpoint's, say), and leaps of doubling width find
them."""

OLDEST_FIRST_PAGE = 200
"""Rows that are sorted at once. They carry their memos, and a message holds 4 MiB."""

FIRST_WIDTH = 3_600 * 10**9
"""The first window from a given time on: an hour, in nanoseconds."""

MAX_LEAPS, LEAP_GROWTH = 3, 4
"""How often a reading with a bookmark looks further before it looks to the end, where there may be
very many rows: together they reach 21 pages further."""

LAST = 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """A row's place in the order, which no other row has; the row of the highest place comes first.

    `at` is in nanoseconds: the time itself if the newest come first, and what is left of `LAST` if
    the oldest do.
    """

    at: int
    run_id: str


HIGHEST, LOWEST = Place(LAST, ""), Place(0, "")


class Order(Enum):
    """The orders in which executions are read: a time, and whether the newest come first."""

    NEWEST_START_FIRST = (START_TIME, True)
    OLDEST_DUE_FIRST = (EXECUTION_TIME, False)
    OLDEST_ACCEPTED_FIRST = (ACCEPTED_AT.name, False)

    def __init__(self, time: str, newest_first: bool) -> None:  # noqa: FBT001 - of the enum
        self.time = time
        self.newest_first = newest_first

    def at(self, nanoseconds: int) -> int:
        """Return the `at` of a place, or the time of an `at`: each is the other's mirror."""
        return nanoseconds if self.newest_first else LAST - nanoseconds

    def row(self, info: WorkflowExecutionInfo) -> "Row":
        """Return an execution as a row with its place."""
        nanoseconds = self._nanoseconds(info)
        return Row(
            workflow_id=info.execution.workflow_id,
            workflow_type=info.type.name,
            place=Place(self.at(nanoseconds), info.execution.run_id),
            status=WorkflowExecutionStatus(info.status),
            time=EPOCH + timedelta(microseconds=nanoseconds // 1_000),
            memo=info.memo,
        )

    def _nanoseconds(self, info: WorkflowExecutionInfo) -> int:
        if self is Order.OLDEST_ACCEPTED_FIRST:
            accepted = decode_typed_search_attributes(info.search_attributes)[ACCEPTED_AT]
            return (accepted - EPOCH) // timedelta(microseconds=1) * 1_000
        if self is Order.OLDEST_DUE_FIRST and info.HasField("execution_time"):
            return info.execution_time.ToNanoseconds()
        return info.start_time.ToNanoseconds()

    def between(self, lower: Place, upper: Place) -> str:
        """Return visibility's conditions for what is at or above one place, and below another.

        Visibility on SQL keeps microseconds, of rows and of conditions alike.
        """
        above, below = (">", "<") if self.newest_first else ("<", ">")
        conditions = ""
        if lower != LOWEST:
            at = _written(self.at(lower.at))
            same = f"{self.time} = '{at}' AND RunId >= '{lower.run_id}'"
            conditions += f" AND ({self.time} {above} '{at}' OR ({same}))"
        if upper != HIGHEST:
            at = _written(self.at(upper.at))
            same = f"{self.time} = '{at}' AND RunId < '{upper.run_id}'"
            conditions += f" AND ({self.time} {below} '{at}' OR ({same}))"
        return conditions


@dataclass(frozen=True)
class Row:
    """An execution as visibility has it. `time` is the one that the order goes by."""

    workflow_id: str
    workflow_type: str
    place: Place
    status: WorkflowExecutionStatus
    time: datetime = EPOCH
    memo: Memo = field(default_factory=Memo)


ReadWindow = Callable[[Place, Place, int], Awaitable[tuple[list[Row], bool]]]
"""Returns rows from one place on and below another, at most so many, in any order, and whether
there are more."""


@dataclass
class Bookmark:
    """Where the oldest rows of a list were found, if rows leave it and readings begin again.

    `at` is how far down the last page reached, and `width` how much a page took, in nanoseconds.
    It is a guess: rows above it are read all the same, and none is left out if it is wrong.
    """

    at: int = 0
    width: int = 0


@dataclass
class OrderedReader:
    """Reads a list in order. All rows down to `place` are read, and those at it.

    `width` is how far below it, in nanoseconds, to look for the next page; 0 is to the end.
    `crowded_at` is a start below it, while it is known that too many rows lie between. `leap` is
    how far to look where there were none, if they may have left, and then some are enough; 0 is to
    the end.
    """

    read_window: ReadWindow
    place: Place = HIGHEST
    width: int = 0
    crowded_at: int = 0
    leap: int = 0
    leaps: int = 0
    ended: bool = False
    calls: int = 0
    max_calls: int | None = None

    @property
    def out_of_calls(self) -> bool:
        """Whether the page has cost as many calls as it may."""
        return self.max_calls is not None and self.calls >= self.max_calls

    async def next_rows(self, wanted: int, size: int) -> list[Row]:
        """Return the next rows, none left out: so many or more, except at the end.

        They are fewer, too, when the reader is out of calls.

        `size` is how many rows a call may return; it must be more than are wanted.
        """
        rows: list[Row] = []
        lower = Place(max(0, self.place.at - self.width), "") if self.width else LOWEST
        narrowings = SAMPLED_NARROWINGS if self.crowded_at else 0
        while not (self.ended or self.out_of_calls):
            self.calls += 1
            found, more = await self.read_window(lower, self.place, size)
            found.sort(key=lambda row: row.place, reverse=True)
            if more and found:
                narrowings += 1
                self.crowded_at = lower.at
                lower = self._narrower(found, wanted - len(rows), narrowings)
                self.width = self.place.at - lower.at
            else:
                rows += found
                self._advance_to(lower, found, (wanted + size) // 2)
                if len(rows) >= (1 if self.leap else wanted):
                    self.crowded_at = self.leaps = 0
                    break
                lower = self._halfway()
        return rows

    def resume_after(self, row: Row) -> None:
        """Begin the next page after this row, because the rows after it were not used."""
        self.place, self.ended = row.place, False

    def _narrower(self, found: list[Row], wanted: int, narrowings: int) -> Place:
        """Return a lower bound above which there are fewer rows, but enough, by those seen."""
        enough = found[min(wanted, len(found)) - 1].place
        if narrowings <= SAMPLED_NARROWINGS:
            return enough
        newest, oldest = found[0].place.at, found[-1].place.at
        leap = newest + (newest - oldest) * 2 ** (narrowings - SAMPLED_NARROWINGS - 1)
        middle = (enough.at + self.place.at) // 2
        return max(enough, Place(min(leap, middle), ""))

    def _advance_to(self, lower: Place, found: list[Row], aim: int) -> None:
        """Note that all down to `lower` is read; the next window is as wide as a page needs."""
        span = found[0].place.at - lower.at if found else 0
        self.width = 0 if lower == LOWEST else span * aim // max(1, len(found))
        self.place, self.ended = lower, lower == LOWEST

    def _halfway(self) -> Place:
        """Return the next lower bound after too few rows: halfway to where there were too many.

        If that is not known, it is a leap further, or the end.
        """
        if not 0 < self.crowded_at < self.place.at:
            self.crowded_at = 0
            if not self.leap or self.leaps == MAX_LEAPS:
                return LOWEST
            self.leaps += 1
            self.width = self.leap * LEAP_GROWTH ** (self.leaps - 1)
            return Place(max(0, self.place.at - self.width), "")
        middle = Place((self.crowded_at + self.place.at) // 2, "")
        self.width = self.place.at - middle.at
        return middle


async def oldest_first(  # noqa: PLR0913 - the parts of one question
    client: Client,
    query: str,
    order: Order,
    since: datetime | None = None,
    *,
    bookmark: Bookmark | None = None,
    before_call: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[Row]:
    """Yield what a query finds, in an order in which the oldest come first, from `since` on.

    With a `bookmark` a reading that begins again finds the oldest in one call or two, and keeps the
    bookmark up to date. `before_call` is awaited before each call to visibility.

    Raises:
        RPCError: visibility does not answer; what was yielded is not lost, start again from there.
    """

    async def read_window(lower: Place, upper: Place, size: int) -> tuple[list[Row], bool]:
        if before_call:
            await before_call()
        request = ListWorkflowExecutionsRequest(
            namespace=client.namespace, query=query + order.between(lower, upper), page_size=size
        )
        answer = await client.workflow_service.list_workflow_executions(request, retry=True)
        return [order.row(each) for each in answer.executions], bool(answer.next_page_token)

    reader = OrderedReader(read_window)
    if since:
        reader.place = Place(order.at((since - EPOCH) // timedelta(microseconds=1) * 1_000) + 1, "")
        reader.width = FIRST_WIDTH
    if bookmark and bookmark.at:
        reader.width, reader.leap = reader.place.at - bookmark.at, bookmark.width
    while not reader.ended:
        rows = await reader.next_rows(OLDEST_FIRST_PAGE // 2, OLDEST_FIRST_PAGE)
        if bookmark:
            reader.leap = reader.width
            bookmark.at, bookmark.width = reader.place.at, reader.width
        for row in rows:
            yield row


def _written(nanoseconds: int) -> str:
    """Write a time as visibility reads it, exactly."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
