"""Finding the oldest of very many held deliveries, which visibility lists in no order of ours."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from activities import releases
from activities.releases import PAGE, ReleaseActivities
from hookwright.models import EndpointRef
from hookwright.temporal import ACCEPTED_AT


@dataclass
class FakeVisibility:
    """Counts and lists what was accepted at these times, as the query's last condition says."""

    times: list[datetime]
    counts: int = 0
    listed: int = field(default=0)

    def _matching(self, query: str) -> list[datetime]:
        _, found, until = query.partition(f"{ACCEPTED_AT.name} <= '")
        last = datetime.fromisoformat(until.rstrip("'")) if found else datetime.now(UTC)
        return [time for time in self.times if time <= last]

    async def count_workflows(self, query: str) -> SimpleNamespace:
        self.counts += 1
        return SimpleNamespace(count=len(self._matching(query)))

    async def list_workflows(self, query: str, *, page_size: int, limit: int) -> object:
        matching = self._matching(query)
        random.Random(1).shuffle(matching)
        for number, time in enumerate(matching[: min(page_size, limit)]):
            self.listed += 1
            attributes = {ACCEPTED_AT: time}
            yield SimpleNamespace(id=f"delivery:{number}", typed_search_attributes=attributes)


@pytest.mark.parametrize("held", [0, 1, PAGE, PAGE + 1, 50_000])
@pytest.mark.parametrize("days", [0.001, 1, 30])
async def test_the_oldest_of_many(held: int, days: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest come first, however many are held and however long; a page is all that is read."""
    monkeypatch.setattr(releases.activity, "heartbeat", lambda: None)
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
    draw = random.Random(held)
    times = [began + timedelta(seconds=draw.random() * days * 86_000) for _ in range(held)]
    visibility = FakeVisibility(times)
    found = await ReleaseActivities(visibility, None)._oldest(
        EndpointRef(tenant_id="t", endpoint_id="ep"), 50
    )
    accepted = [row.typed_search_attributes[ACCEPTED_AT] for row in found]
    assert accepted[:50] == sorted(times)[:50]
    assert visibility.listed <= PAGE
    assert visibility.counts <= releases.NARROWINGS + 1
