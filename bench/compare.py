"""Rounds of several scenarios, interleaved: a slow minute of the machine slows all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.rounds import Round, play
from bench.scenarios import Scenario
from bench.site import Site

WARM_UP_SHARE = 4
"""The warm-up does a fourth of a round; it is not counted."""


@dataclass(frozen=True)
class Entry:
    """A scenario on a site, doing so many workflows or events a round."""

    label: str
    site: Site
    scenario: Scenario
    count: int


@dataclass(frozen=True)
class Outcome:
    """All rounds of an entry."""

    entry: Entry
    rounds: Sequence[Round]

    @property
    def rates(self) -> list[float]:
        """Deliveries (or bare workflows) a second, round by round."""
        return [each.rate for each in self.rounds]

    def ratio(self, other: "Outcome") -> float:
        """Return how many times as fast as the other it was, round by round, in the median."""
        return median(own / theirs for own, theirs in zip(self.rates, other.rates, strict=True))

    def cpu_ms(self, process: str) -> float:
        """Return the processor time that a process took for each delivery, in the median."""
        return median(each.cpu_ms[process] for each in self.rounds)

    def cpu_ms_total(self) -> float:
        """Return the processor time that all took for each delivery, the driver left out."""
        return sum(self.cpu_ms(name) for name in ("server", self.entry.scenario.worker, "API"))


async def compare(entries: Sequence[Entry], rounds: int) -> Mapping[str, Outcome]:
    """Warm up, then play the rounds; return what came of each entry, by label."""
    for entry in entries:
        await entry.scenario.prepare(entry.site)
        await entry.scenario.load(entry.site, max(entry.count // WARM_UP_SHARE, 1))
    played: dict[str, list[Round]] = {entry.label: [] for entry in entries}
    for _ in range(rounds):
        for entry in entries:
            played[entry.label].append(await play(entry.site, entry.scenario, entry.count))
    return {entry.label: Outcome(entry, played[entry.label]) for entry in entries}
