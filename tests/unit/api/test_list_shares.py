"""The lists of one tenant leave room for those of others."""

import asyncio
from dataclasses import dataclass, field

import pytest

from api.http import Cursors, Problem
from api.services.lists import MAX_WAITING, PAGES_AT_ONCE, ExecutionLists
from api.services.visibility import Visibility
from hookwright.temporal import Place, Row

ROOM = PAGES_AT_ONCE + MAX_WAITING


@dataclass(frozen=True)
class Silent(Visibility):
    """A visibility that answers when the test says so."""

    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def rows(
        self, _query: str, _lower: Place, _upper: Place, _size: int, _until: float
    ) -> tuple[list[Row], bool]:
        await self.answered.wait()
        return [], False


async def test_a_burst_of_one_tenant_leaves_half_of_the_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a hundred lists of one tenant half of the room is taken, and others find the rest."""
    monkeypatch.setattr("api.services.lists.PATIENCE_SECONDS", 60.0)
    visibility = Silent(None)  # type: ignore[arg-type] # it calls nobody
    lists = ExecutionLists(visibility, Cursors(b"k" * 32))

    async def page(tenant_id: str | None) -> bool:
        async def read(_row: Row, _newest: int) -> None:
            return None

        try:
            await lists.page("query", 10, None, read, tenant_id=tenant_id)
        except Problem:
            return False
        return True

    async def asked(tenant_id: str | None, times: int) -> list[asyncio.Task[bool]]:
        tasks = [asyncio.create_task(page(tenant_id)) for _ in range(times)]
        for _ in range(10):
            await asyncio.sleep(0)
        return [task for task in tasks if not task.done()]

    waiting = await asked("big", 100)
    assert len(waiting) == ROOM // 2
    waiting += await asked("small", 2) + await asked(None, 1)
    assert len(waiting) == ROOM // 2 + 3
    visibility.answered.set()
    assert await asyncio.gather(*waiting) == [True] * len(waiting)
    assert not lists._pages_of
