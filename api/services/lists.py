"""Pages of lists of executions, newest first. docs/decisions/0015 says why and what it costs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import TypeVar

from temporalio.client import WorkflowExecutionDescription

from api.http import Cursors, Page, Problem
from api.services.visibility import PATIENCE_SECONDS, Visibility, limited
from hookwright.temporal import OrderedReader, Place, ReadWindow, Row

PAGES_AT_ONCE, MAX_WAITING = 4, 8
"""Pages that this process makes at a time, and that wait; more would wait too long. A tenant may
have one more only while it has fewer of both than there is room for."""

READS_AT_ONCE = 4
"""Rows that are read at a time for all pages together, so that there is room for publishing."""

MAX_READS = 400
"""Rows that are read for one page. After many resends most of what visibility has is superseded."""

READS_IN_A_ROW, ENOUGH_SECONDS = 16, 5.0
"""After this time a page is given as far as it goes, with a cursor. It is looked at after so many
rows: where Temporal is slow these take 10 s, and a read is answered within 20 s."""

MAX_CALLS = 8
"""Calls to visibility for one page. A production server allows 10 a second."""

LOOK_AHEAD, MIN_SIZE, MAX_SIZE = 4, 20, 200
"""Pages that one call to visibility asks for, and the bounds in rows. They carry memos: 200 rows
with 100 KB each (replayed deliveries with long logs) came in 0.7 s; most are far smaller."""

NEWEST_FIRST = "newest first"
"""The kind of a list whose query says all that its rows have in common."""

Item = TypeVar("Item")

Read = Callable[[Row, int], Awaitable[Item | None]]
"""Returns what a list shows of a row, or None if the row no longer belongs to the list. The number
is the `newest` of the list, for `superseded`."""


@dataclass
class ExecutionLists:
    """Lists executions, for the whole process."""

    visibility: Visibility
    cursors: Cursors
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PAGES_AT_ONCE))
    _reads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READS_AT_ONCE))
    _pages_of: Counter[str | None] = field(default_factory=Counter)

    async def page(  # noqa: PLR0913 - what a list is made of, and whose it is
        self,
        query: str,
        limit: int,
        cursor: str | None,
        read: Read[Item],
        kind: str = NEWEST_FIRST,
        tenant_id: str | None = None,
    ) -> Page[Item]:
        """Return one page. It may be short, and still have a cursor.

        The query is the cursor's scope, with the `kind` of list: it names route, tenant and
        filters. It is built from ids of our own charset only; a user's text never reaches
        visibility. `tenant_id` is whose list it is; those of all tenants together count as one's.

        Raises:
            Problem: 422, a foreign cursor; 503, too many lists were asked for.
        """
        scope = f"{kind}: {query}"
        position = self.cursors.read(scope, cursor)
        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        async with self._turn(tenant_id, until):
            shown, position = await self._page(query, limit, position, read, until)
        return Page(data=shown, next_cursor=self.cursors.write(scope, position))

    async def rows(self, query: str, calls: int, tenant_id: str) -> list[Row]:
        """Return the newest executions: as many as these calls to visibility bring.

        Raises:
            Problem: 503, too many lists were asked for.
        """
        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS

        async def read_window(lower: Place, upper: Place, size: int) -> tuple[list[Row], bool]:
            return await self.visibility.rows(query, lower, upper, size, until)

        reader, found = OrderedReader(read_window, max_calls=calls), list[Row]()
        async with self._turn(tenant_id, until):
            while not (reader.ended or reader.out_of_calls):
                found += await reader.next_rows(MAX_SIZE - 1, MAX_SIZE)
        return found

    async def _page(
        self, query: str, limit: int, position: bytes, read: Read[Item], until: float
    ) -> tuple[list[Item], bytes]:
        async def read_window(lower: Place, upper: Place, size: int) -> tuple[list[Row], bool]:
            return await self.visibility.rows(query, lower, upper, size, until)

        reader, newest = _resumed(read_window, position)
        size = min(max(LOOK_AHEAD * limit, MIN_SIZE), MAX_SIZE)
        shown: list[Item] = []
        reads = 0
        enough_at = asyncio.get_running_loop().time() + ENOUGH_SECONDS

        def is_full() -> bool:
            is_late = bool(shown) and asyncio.get_running_loop().time() > enough_at
            return len(shown) >= limit or reads >= MAX_READS or is_late

        while not (is_full() or reader.ended or reader.out_of_calls):
            before = copy(reader)
            try:
                rows = await reader.next_rows(limit - len(shown) + 1, size)
            except Problem:
                if not shown:
                    raise
                return shown, _written(before, newest)
            newest = newest or (rows[0].place.at if rows else 0)
            while rows:
                number = min(limit - len(shown), READS_IN_A_ROW)
                now, rows = rows[:number], rows[number:]
                shown += await self._read(read, now, newest)
                reads += len(now)
                if rows and is_full():
                    reader.resume_after(now[-1])
                    break
        return shown, b"" if reader.ended else _written(reader, newest)

    @asynccontextmanager
    async def _turn(self, tenant_id: str | None, until: float) -> AsyncIterator[None]:
        if self._pages_of[tenant_id] >= PAGES_AT_ONCE + MAX_WAITING - self._pages_of.total():
            raise limited()
        self._pages_of[tenant_id] += 1
        try:
            try:
                async with asyncio.timeout_at(until):
                    await self._turns.acquire()
            except TimeoutError:
                raise limited() from None
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._pages_of[tenant_id] -= 1
            self._pages_of += Counter()  # without those that have none

    async def _read(self, read: Read[Item], rows: list[Row], newest: int) -> list[Item]:
        async def one(row: Row) -> Item | None:
            async with self._reads:
                return await read(row, newest)

        items = await asyncio.gather(*map(one, rows))
        return [item for item in items if item is not None]


def superseded(row: Row, latest: WorkflowExecutionDescription, newest: int) -> bool:
    """Return whether a later run of a row's workflow has a place of its own in this list.

    A list shows what there was when its first page was read: what started after the newest row is
    not in it. If a later run of a workflow did, the row shows what became of that run.
    """
    began = latest.raw_description.workflow_execution_info.start_time.ToMicroseconds()
    return latest.run_id != row.place.run_id and began <= newest // 1_000


def _written(reader: OrderedReader, newest: int) -> bytes:
    started, run_id = reader.place
    return f"{started} {run_id} {reader.width} {reader.crowded_at} {newest}".encode()


def _resumed(read_window: ReadWindow, position: bytes) -> tuple[OrderedReader, int]:
    if not position:
        return OrderedReader(read_window, max_calls=MAX_CALLS), 0
    started, run_id, width, crowded_at, newest = position.decode().split(" ")
    reader = OrderedReader(
        read_window,
        Place(int(started), run_id),
        int(width),
        int(crowded_at),
        max_calls=MAX_CALLS,
    )
    return reader, int(newest)
