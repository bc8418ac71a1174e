"""How long attempts took, as a histogram: a few numbers, which add up over workers and time.

Bucket k counts what took at most `BOUNDS_MS[k]`, and longer than the bound before. Empty buckets at
the end are left out.
"""

from bisect import bisect_left
from itertools import accumulate, zip_longest
from typing import Annotated

from pydantic import Field

BOUNDS_MS = tuple(2 ** (power / 2) for power in range(33))
"""1 ms to 65.5 s, beyond the longest timeout of an endpoint."""

ERROR_PERCENT = 20
"""By how much a quantile may be off: the middle of a bucket is within 2 ** 0.25 of its bounds."""

MAX_COUNT = 1_000_000_000

Latencies = Annotated[
    list[Annotated[int, Field(ge=0, le=MAX_COUNT)]], Field(max_length=len(BOUNDS_MS))
]
"""Attempts in each bucket."""


def bucket_of(duration_ms: float) -> int:
    """Return the number of the bucket that counts an attempt."""
    return min(bisect_left(BOUNDS_MS, duration_ms), len(BOUNDS_MS) - 1)


def latencies_of(duration_ms: float) -> list[int]:
    """Return the histogram of one attempt."""
    return [0] * bucket_of(duration_ms) + [1]


def merged(one: list[int], other: list[int]) -> list[int]:
    """Return the histogram of what either counts."""
    return [a + b for a, b in zip_longest(one, other, fillvalue=0)]


def quantile(latencies: list[int], share: float) -> float | None:
    """Return the time, in milliseconds, within which this share of attempts ended; None of none.

    It is within ERROR_PERCENT of the true one, from 1 ms on; less counts as 1 ms.
    """
    sums = list(accumulate(latencies))
    if not sums or not sums[-1]:
        return None
    bucket = bisect_left(sums, share * sums[-1])
    return round(BOUNDS_MS[bucket] / 2**0.25, 1) if bucket else BOUNDS_MS[0]
