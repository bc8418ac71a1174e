"""`python -m bench.tuning`: it measures the gain of each setting of the embedded server.

The tuned server, the stock server and servers that lack one of the settings take turns.
"""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.compare import Entry, Outcome, compare
from bench.machine import facts
from bench.report.tables import facts_table, table
from bench.scenarios import BareWorkflow, Deliveries, Scenario
from bench.site import SERVER, Site, running_site
from runtime.dev import EmbeddedServer, free_port

TUNED = "tuned"
POLLING = ("ProcessorMaxPollRPS",)
PARTITIONS = ("numTaskqueue",)
PRAGMAS = ("journal_mode", "synchronous")
WRITES = ("shardIOConcurrency",)
DONE = ("ProcessorUpdateAckInterval",)
GO_DEFAULT = "100"

VARIANTS: Mapping[str, tuple[tuple[str, ...], bool]] = {
    TUNED: ((), True),
    "stock": ((*POLLING, *PARTITIONS, *PRAGMAS, *WRITES, *DONE), False),
    "tuned, but stock polling": (POLLING, True),
    "tuned, but stock partitions": (PARTITIONS, True),
    "tuned, but one write at once": (WRITES, True),
    "tuned, but tasks that are done stay": (DONE, True),
    "tuned, but stock journal": (PRAGMAS, True),
    "tuned, but GOGC=100": ((), False),
}
"""For each server: the settings that it lacks, and whether it has the tuned GOGC."""


@dataclass(frozen=True)
class Variant(EmbeddedServer):
    """The embedded server without some of its settings."""

    without: tuple[str, ...] = ()
    tuned_gogc: bool = True

    def command(self) -> list[str]:
        """Return the command line without these settings, and without the flags before them."""
        command = super().command()
        dropped = {
            dropped_position
            for position, argument in enumerate(command)
            for dropped_position in (position - 1, position)
            if any(name in argument for name in self.without)
        }
        kept = [argument for position, argument in enumerate(command) if position not in dropped]
        return kept if self.tuned_gogc else ["env", f"GOGC={GO_DEFAULT}", *kept]


def scenarios(events: int) -> list[tuple[str, Scenario, int]]:
    """Return the scenarios of each server: a label, the scenario, and its count in a round."""
    few = max(events // 4, 1)
    return [
        ("bare", BareWorkflow(20), events),
        ("fan-out 1, one at a time", Deliveries(1, 1), few),
        ("fan-out 20", Deliveries(20, 4), max(events // 5, 1)),
    ]


def entries(sites: Mapping[str, Site], events: int) -> list[Entry]:
    """Return an entry for every scenario on every site. For each scenario the sites take turns."""
    by_site = {name: scenarios(events) for name in sites}
    return [
        Entry(f"{name}: {label}", site, scenario, count)
        for number in range(len(scenarios(events)))
        for name, site in sites.items()
        for label, scenario, count in [by_site[name][number]]
    ]


def results(outcomes: Mapping[str, Outcome], names: Iterable[str], reference: str) -> str:
    """Return a table of rates relative to the reference, and of the server's processor time."""
    labels = [label for label, _, _ in scenarios(1)]

    def cell(name: str, label: str) -> str:
        outcome = outcomes[f"{name}: {label}"]
        ratio = outcome.ratio(outcomes[f"{reference}: {label}"])
        cpu_ms = (outcome.cpu_ms(SERVER) or 0.0) / outcome.deliveries
        return f"{ratio:.2f} ({cpu_ms:.0f} ms)"

    rows = [[name, *(cell(name, label) for label in labels)] for name in names]
    return table(("", *labels), rows)


async def run(rounds: int, events: int) -> str:
    """Run the benchmark and return the report."""
    async with AsyncExitStack() as stack:
        sites = {}
        for name, (without, tuned_gogc) in VARIANTS.items():
            state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = Variant(state, free_port(), without=without, tuned_gogc=tuned_gogc)
            sites[name] = await stack.enter_async_context(running_site(server))
        machine = facts(sites[TUNED].server_version)
        outcomes = await compare(entries(sites, events), rounds)
    return f"{facts_table(machine)}\n\n{results(outcomes, VARIANTS, TUNED)}"


def main() -> None:
    """Read the options, run the benchmark and print the report."""
    parser = argparse.ArgumentParser(prog="python -m bench.tuning", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds (default: 5)")
    parser.add_argument("--events", type=int, default=40, help="events in a round (default: 40)")
    options = parser.parse_args()
    os.environ.pop("GOGC", None)
    print(asyncio.run(run(options.rounds, options.events)))


if __name__ == "__main__":
    main()
