"""How long attempts took, as a histogram: a few numbers that can be added over workers and time.

Bucket k counts attempts that took at most `BOUNDS_MS[k]` and longer than the bound before. Empty
buckets at the end are left out.
"""

from bisect import bisect_left
from itertools import accumulate, zip_longest
from typing import Annotated

from pydantic import Field

BOUNDS_MS = tuple(2 ** (power / 2) for power in range(33))
"""From 1 ms to 65.5 s, which is longer than the longest timeout of an endpoint."""

ERROR_PERCENT = 20
"""The largest error of a quantile, in percent: the middle of a bucket is within a factor of
2 ** 0.25 of its bounds."""

MAX_COUNT = 1_000_000_000

Latencies = Annotated[
    list[Annotated[int, Field(ge=0, le=MAX_COUNT)]], Field(max_length=len(BOUNDS_MS))
]
"""The number of attempts in each bucket."""


def bucket_of(duration_ms: float) -> int:
    """Return the number of the bucket that counts an attempt."""
    return min(bisect_left(BOUNDS_MS, duration_ms), len(BOUNDS_MS) - 1)


def latencies_of(duration_ms: float) -> list[int]:
    """Return the histogram of one attempt."""
    return [0] * bucket_of(duration_ms) + [1]


def merged(one: list[int], other: list[int]) -> list[int]:
    """Return the sum of two histograms."""
    return [first + second for first, second in zip_longest(one, other, fillvalue=0)]


def quantile(latencies: list[int], share: float) -> float | None:
    """Return the milliseconds within which this share of attempts ended; None without attempts.

    The result is within ERROR_PERCENT of the true time. Times below 1 ms count as 1 ms.
    """
    cumulative = list(accumulate(latencies))
    if not cumulative or not cumulative[-1]:
        return None
    bucket = bisect_left(cumulative, share * cumulative[-1])
    return round(BOUNDS_MS[bucket] / 2**0.25, 1) if bucket else BOUNDS_MS[0]
