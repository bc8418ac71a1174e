"""The longest figures that an endpoint can have."""

from collections import Counter
from datetime import UTC, datetime

from hookwright.health.counts import DAY, HOUR, STEPS, Counts, Figures
from hookwright.health.latencies import BOUNDS_MS
from hookwright.outcomes import Outcome

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def counts_of(each_step: Figures) -> Counts:
    """Return the counts of an endpoint that has had the same attempts in each step of a day."""
    counts, step = Counts(), HOUR / STEPS
    for number in range(round(DAY / step) + 1):
        counts.add(NOW + number * step, each_step)
    assert [len(counts.hour), len(counts.day)] == [STEPS, STEPS]
    return counts


FAULTS = Counter({outcome: 3_000 for outcome in Outcome if outcome is not Outcome.DELIVERED})
WORST = Figures(delivered=6_000, failed=24_000, faults=FAULTS, latencies=[900] * len(BOUNDS_MS))
"""100 attempts a second, with every outcome and latency."""
