"""What a recovery has done is told from what it has not, also among those of the same time."""

from datetime import UTC, datetime, timedelta

from support.held import FakeVisibility

from hookwright.models import RecoveryProgress
from hookwright.temporal import oldest_first

BEGAN = datetime(2026, 1, 15, tzinfo=UTC)


async def test_what_is_done_is_told_from_what_is_not() -> None:
    """Wherever it stops, those before are done and the others are not, by times and run ids."""
    times = [BEGAN + timedelta(microseconds=number // 7) for number in range(500)]
    visibility = FakeVisibility(times)
    rows = [row async for row in oldest_first(visibility, "Held", visibility.order)]
    progress = RecoveryProgress()
    for number, row in enumerate(rows):
        done = [progress.is_past(each.time, each.place.run_id) for each in rows]
        assert done == [True] * number + [False] * (len(rows) - number)
        progress = progress.after(row.time, row.place.run_id)
    assert all(progress.is_past(each.time, each.place.run_id) for each in rows)
