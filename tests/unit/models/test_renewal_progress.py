"""The progress of a re-encryption: what counts as progress, and since when there was none."""

from datetime import UTC, datetime, timedelta

from hookwright.models import RenewalProgress

BEGAN = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)


def test_only_a_new_low_is_progress() -> None:
    """What comes and goes while others do not follow keeps nobody waiting for ever."""
    progress = RenewalProgress()
    for minute, remaining in enumerate((9, 6, 8, 7, 6, 7, 6)):
        progress = progress.after(remaining, [], BEGAN + timedelta(minutes=minute))
    assert progress.fewer_at == BEGAN + timedelta(minutes=1)
    assert (progress.total, progress.remaining, progress.fewest) == (9, 6, 6)
    progress = progress.after(5, [], BEGAN + timedelta(hours=1))
    assert progress.fewer_at == BEGAN + timedelta(hours=1)


def test_progress_that_an_earlier_version_stored() -> None:
    """It has no lowest number, so the next search begins the count."""
    stored = RenewalProgress.model_validate({"total": 9, "remaining": 6, "fewer_at": BEGAN})
    assert stored.after(7, [], BEGAN + timedelta(hours=1)).fewest == 7
