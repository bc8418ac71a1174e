"""Interleaved rounds of several scenarios, so that a slow minute of the machine affects all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.rounds import Round, run_round
from bench.scenarios import Scenario
from bench.site import SERVER, Site

WARM_UP_SHARE = 4
"""The warm-up does a fourth of a round's work. It is not measured."""


@dataclass(frozen=True)
class Entry:
    """A scenario that runs on a site. `count` is its number of workflows or events in a round."""

    label: str
    site: Site
    scenario: Scenario
    count: int

    async def warm_up(self) -> None:
        """Prepare the scenario, and do a part of a round's work."""
        await self.scenario.prepare(self.site)
        await self.scenario.load(self.site, max(self.count // WARM_UP_SHARE, 1))


@dataclass(frozen=True)
class Outcome:
    """The results of all rounds of an entry."""

    entry: Entry
    rounds: list[Round] = field(default_factory=list)

    async def run_round(self) -> None:
        """Run one more round."""
        self.rounds.append(await run_round(self.entry.site, self.entry.scenario, self.entry.count))

    @property
    def rates(self) -> list[float]:
        """The rate of each round, in events (or bare workflows) a second."""
        return [result.rate for result in self.rounds]

    @property
    def delivery_rates(self) -> list[float]:
        """The rate of each round, in deliveries (or bare workflows) a second."""
        return [result.rate * result.deliveries for result in self.rounds]

    @property
    def deliveries(self) -> float:
        """How many deliveries an event has."""
        return self.rounds[0].deliveries

    def ratio(self, other: "Outcome") -> float:
        """Return the median of the rounds: deliveries a second, divided by the other's."""
        pairs = zip(self.delivery_rates, other.delivery_rates, strict=True)
        return median(rate / other_rate for rate, other_rate in pairs)

    def times(self, other: "Outcome") -> float:
        """Return the same of the medians, for outcomes that have not as many rounds."""
        return median(self.delivery_rates) / median(other.delivery_rates)

    def cpu_ms(self, process: str) -> float | None:
        """Return the processor time of one process for an event: the median of the rounds."""
        if any(process not in result.cpu_ms for result in self.rounds):
            return None
        return median(result.cpu_ms[process] for result in self.rounds)

    def cpu_ms_total(self) -> float | None:
        """Return the processor time for an event of the server and of those that do the work."""
        names = (SERVER, *self.entry.scenario.workers(self.entry.site))
        parts = [self.cpu_ms(name) for name in names]
        return None if None in parts else sum(part or 0.0 for part in parts)


async def compare(entries: Sequence[Entry], rounds: int) -> Mapping[str, Outcome]:
    """Warm up, run the rounds, and return the outcome of each entry by its label."""
    for entry in entries:
        await entry.warm_up()
    outcomes = [Outcome(entry) for entry in entries]
    for _ in range(rounds):
        for outcome in outcomes:
            await outcome.run_round()
    return {outcome.entry.label: outcome for outcome in outcomes}
