"""The histogram of latencies: small, mergeable, and as exact as it says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookwright.health import ERROR_PERCENT, latencies_of, merged, quantile
from hookwright.health.latencies import BOUNDS_MS

DURATIONS = st.integers(0, 65_000)
SHARES = st.sampled_from([0.01, 0.5, 0.95, 1.0])


def counted(durations: list[int]) -> list[int]:
    histogram: list[int] = []
    for each in durations:
        histogram = merged(histogram, latencies_of(each))
    return histogram


@given(st.lists(DURATIONS, min_size=1), SHARES)
def test_quantiles_are_as_exact_as_said(durations: list[int], share: float) -> None:
    """A quantile is off by at most ERROR_PERCENT from the one of the sorted durations."""
    rank = max(1, math.ceil(share * len(durations)))
    true = max(1, sorted(durations)[rank - 1])
    factor = 1 + ERROR_PERCENT / 100
    assert true / factor <= quantile(counted(durations), share) <= true * factor


@given(st.lists(DURATIONS), st.lists(DURATIONS))
def test_merging_is_counting_together(ones: list[int], others: list[int]) -> None:
    """Two histograms merged are the histogram of all, in either order, and lose no attempt."""
    together = counted(ones + others)
    assert merged(counted(ones), counted(others)) == together
    assert merged(counted(others), counted(ones)) == together
    assert sum(together) == len(ones) + len(others)
    assert len(together) <= len(BOUNDS_MS)


def test_nothing_has_no_quantile() -> None:
    """Of no attempt there is none."""
    assert quantile([], 0.5) is None
    assert quantile([0, 0], 0.95) is None


@pytest.mark.parametrize(("duration", "bucket"), [(0, 0), (1, 0), (2, 2), (4, 4), (5, 5)])
def test_bounds(duration: int, bucket: int) -> None:
    """A bucket ends with its bound; what is longer than the last one is counted in it."""
    assert latencies_of(duration) == [0] * bucket + [1]
    assert len(latencies_of(10**12)) == len(BOUNDS_MS)
