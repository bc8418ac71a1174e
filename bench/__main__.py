"""`python -m bench`: it compares a bare Temporal workflow with Hookwright on one server."""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.compare import Entry, Outcome, compare
from bench.machine import facts
from bench.report import costs_table, facts_table, histories_table, rates_table
from bench.scenarios import BareWorkflow, Deliveries
from bench.site import ROOT, Site, running_site
from runtime.dev import EmbeddedServer, free_port

RESULTS = ROOT / "docs" / "benchmarks"
IN_FLIGHT = 20
WIDE_FAN_OUT = 20
WIDE_IN_FLIGHT = 4
WIDE_SHARE = 5


def entries(site: Site, events: int) -> list[Entry]:
    """Return the entries to compare.

    An event with a wide fan-out makes many deliveries, so a round has fewer such events.
    """
    scenarios = (
        (BareWorkflow(IN_FLIGHT), events),
        (Deliveries(1, IN_FLIGHT), events),
        (Deliveries(WIDE_FAN_OUT, WIDE_IN_FLIGHT), max(events // WIDE_SHARE, 1)),
    )
    return [Entry(scenario.name, site, scenario, count) for scenario, count in scenarios]


async def run(rounds: int, events: int, *, sandboxed: bool) -> str:
    """Run the benchmark and return the report."""
    options = ["--sandboxed"] if sandboxed else []
    with tempfile.TemporaryDirectory() as state:
        server = EmbeddedServer(Path(state), free_port())
        async with running_site(server, worker_options=options) as site:
            machine = facts(site.server_version)
            outcomes = await compare(entries(site, events), rounds)
    return report(machine, list(outcomes.values()), rounds, events)


def report(machine: dict[str, str], outcomes: Sequence[Outcome], rounds: int, events: int) -> str:
    """Return the report of a benchmark, as markdown."""
    return "\n\n".join(
        (
            f"# Benchmark of {datetime.now(UTC):%Y-%m-%d}",
            introduction(rounds, events, outcomes[-1].entry.count),
            facts_table(machine),
            "## How fast",
            rates_table(outcomes),
            "## What one delivery (or bare workflow) costs",
            costs_table(outcomes),
            "## What one delivery (or bare workflow) stores",
            histories_table(outcomes),
        )
    )


def introduction(rounds: int, events: int, wide_events: int) -> str:
    """Return the paragraph that says what was measured."""
    return (
        f"`python -m bench --rounds {rounds} --events {events}`. A round runs {events} bare"
        f" workflows, then {events} events at fan-out 1, then {wide_events} events at fan-out"
        f" {WIDE_FAN_OUT}; there were {rounds} rounds. Figures are medians over the rounds."
        " [How to read them](README.md)."
    )


def main() -> None:
    """Read the options, run the benchmark, print the report and write it to a file."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds (default: 5)")
    parser.add_argument("--events", type=int, default=60, help="events in a round (default: 60)")
    parser.add_argument(
        "--sandboxed", action="store_true", help="run Hookwright's workflows in the SDK's sandbox"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=RESULTS / f"{datetime.now(UTC):%Y-%m-%d}.md",
        help="the file to write (default: docs/benchmarks/<date>.md)",
    )
    options = parser.parse_args()
    text = asyncio.run(run(options.rounds, options.events, sandboxed=options.sandboxed))
    print(text)
    options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
