"""Interleaved rounds of several scenarios, so that a slow minute of the machine affects all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.rounds import Round, run_round
from bench.scenarios import Scenario
from bench.site import Site

WARM_UP_SHARE = 4
"""The warm-up does a fourth of a round's work. It is not measured."""


@dataclass(frozen=True)
class Entry:
    """A scenario that runs on a site. `count` is its number of workflows or events in a round."""

    label: str
    site: Site
    scenario: Scenario
    count: int


@dataclass(frozen=True)
class Outcome:
    """The results of all rounds of an entry."""

    entry: Entry
    rounds: Sequence[Round]

    @property
    def rates(self) -> list[float]:
        """The rate of each round, in deliveries (or bare workflows) per second."""
        return [result.rate for result in self.rounds]

    def ratio(self, other: "Outcome") -> float:
        """Return the median, over the rounds, of this rate divided by the other entry's rate."""
        pairs = zip(self.rates, other.rates, strict=True)
        return median(rate / other_rate for rate, other_rate in pairs)

    def cpu_ms(self, process: str) -> float:
        """Return the processor time of one process for each delivery: the median of the rounds."""
        return median(result.cpu_ms[process] for result in self.rounds)

    def cpu_ms_total(self) -> float:
        """Return the processor time of all processes but the driver for each delivery."""
        return sum(self.cpu_ms(name) for name in ("server", self.entry.scenario.worker, "API"))


async def compare(entries: Sequence[Entry], rounds: int) -> Mapping[str, Outcome]:
    """Warm up, run the rounds, and return the outcome of each entry by its label."""
    for entry in entries:
        await entry.scenario.prepare(entry.site)
        await entry.scenario.load(entry.site, max(entry.count // WARM_UP_SHARE, 1))
    results: dict[str, list[Round]] = {entry.label: [] for entry in entries}
    for _ in range(rounds):
        for entry in entries:
            results[entry.label].append(await run_round(entry.site, entry.scenario, entry.count))
    return {entry.label: Outcome(entry, results[entry.label]) for entry in entries}
