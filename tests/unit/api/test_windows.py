"""Windows of start time: newest first, every row once, in few calls, from any order."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import WorkflowExecutionStatus

from api.http import Cursors
from api.services.lists import MAX_CALLS, ExecutionLists
from hookwright.temporal import Place, Row

SECOND = 10**9
DAY = 86_400 * SECOND
BEGINNING = 1_790_000_000 * SECOND

Closings = Callable[[int, int], int]


@dataclass
class FakeVisibility:
    """Lists as Temporal on SQL does: what runs first, then what closed last; full pages."""

    closed: dict[Place, int | None] = field(default_factory=dict)
    changes: Callable[[], None] = lambda: None
    calls: int = 0

    def add(self, started: int, closed: int | None = None) -> Place:
        place = Place(started, f"{random.getrandbits(64):016x}")
        self.closed[place] = closed
        return place

    async def rows(
        self, _query: str, lower: Place, upper: Place, size: int, _until: float
    ) -> tuple[list[Row], bool]:
        self.calls += 1
        self.changes()
        places = [it for it in self.closed if lower <= it < upper]
        places.sort(key=lambda it: (self.closed[it] or 2**63, *it), reverse=True)
        status = WorkflowExecutionStatus.RUNNING
        return [Row("w", "Delivery", it, status) for it in places[:size]], len(places) >= size


@dataclass
class Page:
    places: list[Place]
    calls: int


async def pages_of(
    visibility: FakeVisibility, limit: int, shows: Callable[[Place], bool] = lambda _: True
) -> list[Page]:
    """Walk a list to its end."""
    lists = ExecutionLists(visibility, Cursors(b"k" * 32))

    async def read(row: Row, _newest: int) -> Place | None:
        return row.place if shows(row.place) else None

    pages: list[Page] = []
    cursor = None
    while cursor or not pages:
        assert len(pages) < 2_000, "the walk does not come to an end"
        before = visibility.calls
        page = await lists.page("all", limit, cursor, read)
        pages.append(Page(page.data, visibility.calls - before))
        cursor = page.next_cursor
    return pages


STARTS = st.one_of(
    st.integers(0, 5),  # very many at the same instant
    st.integers(0, 30 * SECOND),
    st.sampled_from([0, DAY, 30 * DAY]).flatmap(lambda day: st.integers(day, day + SECOND)),
    st.integers(0, 60 * DAY),
)
ROWS = st.lists(st.tuples(STARTS, st.none() | st.integers(1, 61 * DAY)), max_size=150)


@given(rows=ROWS, limit=st.integers(1, 12), data=st.data())
async def test_every_row_exactly_once(rows, limit, data):
    """Whatever starts, closes or drops out, a walk has each row of its beginning once, in order."""
    visibility = FakeVisibility()
    for started, lasted in rows:
        visibility.add(BEGINNING + started, lasted and BEGINNING + started + lasted)
    before = sorted(visibility.closed, reverse=True)
    chance = random.Random(data.draw(st.integers()))
    now = BEGINNING + 100 * DAY

    def change() -> None:
        if visibility.calls == 1:
            return  # the walk begins with its first answer
        for step in range(chance.randrange(5)):
            visibility.add(now + visibility.calls + step)
        running = [it for it, closed in visibility.closed.items() if closed is None]
        for it in chance.sample(running, min(len(running), 3)):
            visibility.closed[it] = now + visibility.calls

    visibility.changes = change
    dropped = {it for it in before if chance.random() < 0.3}
    pages = await pages_of(visibility, limit, lambda it: it not in dropped)
    seen = [it for page in pages for it in page.places]
    assert seen == sorted(set(seen), reverse=True)
    assert [it for it in seen if it.at < now] == [it for it in before if it not in dropped]
    assert max(len(page.places) for page in pages) <= limit
    assert max(page.calls for page in pages) <= MAX_CALLS


async def test_a_slow_walk_has_every_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that are given early, because reading lasts too long, miss and repeat no row."""
    monkeypatch.setattr("api.services.lists.ENOUGH_SECONDS", 0.0)
    monkeypatch.setattr("api.services.lists.READS_IN_A_ROW", 3)
    visibility = FakeVisibility()
    rows = [visibility.add(BEGINNING + number) for number in range(50)]
    pages = await pages_of(visibility, 10)
    assert [it for page in pages for it in page.places] == sorted(rows, reverse=True)
    assert [len(page.places) for page in pages] == [3] * 16 + [2]


def in_order(started: int, _: int) -> int:
    return started + SECOND


def reversed_at_the_end(started: int, last: int) -> int:
    return 2 * last - started  # a deleted endpoint's: those that began last are cancelled first


def shuffled(started: int, last: int) -> int:
    return last + random.Random(started).randrange(DAY)


@pytest.mark.parametrize("closing", [in_order, reversed_at_the_end, shuffled])
@pytest.mark.parametrize("held", [0, 3_000])
@pytest.mark.parametrize("step", [SECOND // 20, 600 * SECOND])
async def test_calls_for_a_page(closing: Closings, held: int, step: int) -> None:
    """A page costs a call, the first some more, whatever ended in what order, or is held."""
    visibility = FakeVisibility()
    last = BEGINNING + 5_000 * step
    for number in range(5_000):
        started = BEGINNING + number * step
        visibility.add(started, closing(started, last))
    for number in range(held):
        visibility.add(BEGINNING - 40 * DAY + number * 600 * SECOND)
    pages = await pages_of(visibility, 50)
    assert sum(len(page.places) for page in pages) == 5_000 + held
    assert sum(not page.places for page in pages) <= 1
    assert visibility.calls <= len(pages) + 20
    if closing is in_order:
        assert [page.calls for page in pages[:3]] == [3 if held else 2, 1, 1]


async def test_a_list_of_what_is_superseded() -> None:
    """Where nearly all drops out, pages are short, and cost no more than their share of reads."""
    visibility = FakeVisibility()
    places = [visibility.add(BEGINNING + n * SECOND, BEGINNING + DAY) for n in range(1_000)]
    reads = []

    def shows(place: Place) -> bool:
        reads.append(place)
        return place == places[0]

    pages = await pages_of(visibility, 50, shows)
    assert [page.places for page in pages] == [[], [], [places[0]]]
    assert reads == places[::-1]


@pytest.mark.parametrize("rows", [0, 1, 50, 51, 199])
async def test_a_short_list_is_one_call(rows: int) -> None:
    """What fits one answer costs one call a page, and the last page is not an empty one."""
    visibility = FakeVisibility()
    for number in range(rows):
        visibility.add(BEGINNING + number * DAY, BEGINNING + 400 * DAY)
    pages = await pages_of(visibility, 50)
    assert [page.calls for page in pages] == [1] * max(1, -(-rows // 50))
    assert all(page.places for page in pages) == bool(rows)
