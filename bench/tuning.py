"""`python -m bench.tuning`: what each setting of the embedded server gives.

Servers with one setting left out run beside the tuned one and the stock one, and take turns.
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
from bench.report import facts_table, table
from bench.scenarios import BareWorkflow, Deliveries, Scenario
from bench.site import Site, site
from runtime.dev import EmbeddedServer, free_port

TUNED = "tuned"
POLLING = ("ProcessorMaxPollRPS",)
PARTITIONS = ("numTaskqueue",)
PRAGMAS = ("journal_mode", "synchronous")
GO_DEFAULT = "100"

VARIANTS: Mapping[str, tuple[tuple[str, ...], bool]] = {
    TUNED: ((), True),
    "stock": ((*POLLING, *PARTITIONS, *PRAGMAS), False),
    "tuned, but stock polling": (POLLING, True),
    "tuned, but stock partitions": (PARTITIONS, True),
    "tuned, but stock journal": (PRAGMAS, True),
    "tuned, but GOGC=100": ((), False),
}
"""For each server the settings it does without, and whether it has our GOGC."""


@dataclass(frozen=True)
class Variant(EmbeddedServer):
    """The embedded server without some of its settings."""

    without: tuple[str, ...] = ()
    our_gogc: bool = True

    def command(self) -> list[str]:
        """Return the command line, the settings and the flags before them left out."""
        command = super().command()
        dropped = {
            place
            for position, argument in enumerate(command)
            for place in (position - 1, position)
            if any(name in argument for name in self.without)
        }
        kept = [argument for place, argument in enumerate(command) if place not in dropped]
        return kept if self.our_gogc else ["env", f"GOGC={GO_DEFAULT}", *kept]


def scenarios(events: int) -> list[tuple[str, Scenario, int]]:
    """Return what each server is asked to do: a label, a scenario, how many a round."""
    few = max(events // 4, 1)
    return [
        ("bare", BareWorkflow(20), events),
        ("fan-out 1, one at a time", Deliveries(1, 1), few),
        ("fan-out 20", Deliveries(20, 4), max(events // 5, 1)),
    ]


def entries(sites: Mapping[str, Site], events: int) -> list[Entry]:
    """Return every scenario on every site, the sites taking turns."""
    by_site = {name: scenarios(events) for name in sites}
    return [
        Entry(f"{name}: {label}", at, scenario, count)
        for number in range(len(scenarios(events)))
        for name, at in sites.items()
        for label, scenario, count in [by_site[name][number]]
    ]


def results(outcomes: Mapping[str, Outcome], names: Iterable[str], reference: str) -> str:
    """Return rates as a share of the reference's, and the server's processor time."""
    labels = [label for label, _, _ in scenarios(1)]

    def cell(name: str, label: str) -> str:
        outcome, tuned = outcomes[f"{name}: {label}"], outcomes[f"{reference}: {label}"]
        ratio = outcome.ratio(tuned)
        return f"{ratio:.2f} ({outcome.cpu_ms('server'):.0f} ms)"

    rows = [[name, *(cell(name, label) for label in labels)] for name in names]
    return table(("", *labels), rows)


async def run(rounds: int, events: int) -> str:
    """Measure; return the report."""
    async with AsyncExitStack() as stack:
        sites = {}
        for name, (without, our_gogc) in VARIANTS.items():
            state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = Variant(state, free_port(), without=without, our_gogc=our_gogc)
            sites[name] = await stack.enter_async_context(site(server))
        machine = facts(sites[TUNED].server_version)
        outcomes = await compare(entries(sites, events), rounds)
    return f"{facts_table(machine)}\n\n{results(outcomes, VARIANTS, TUNED)}"


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.tuning", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each kind (default: 5)")
    parser.add_argument("--events", type=int, default=40, help="events a round (default: 40)")
    options = parser.parse_args()
    os.environ.pop("GOGC", None)
    print(asyncio.run(run(options.rounds, options.events)))


if __name__ == "__main__":
    main()
