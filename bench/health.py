"""`python -m bench.health`: it measures the cost of health reports when the receiver is healthy.

Two complete sites take turns. The worker of one of them sends no health reports to endpoints.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from activities.delivery import DeliveryReports
from bench.compare import Entry, compare
from bench.machine import facts
from bench.report.tables import facts_table, table
from bench.scenarios import Deliveries
from bench.site import ONE_PROCESS, PORT, running_site
from runtime.cli import app

OFF, ON = "health off", "health on"
FAN_OUT, IN_FLIGHT = 20, 4
SERVE = "serve"
WITHOUT_REPORTS: Mapping[str, Sequence[str]] = {
    SERVE: ("-m", "bench.health", SERVE, "--port", PORT)
}


async def run(rounds: int, events: int) -> str:
    """Run the benchmark and return the report."""
    async with AsyncExitStack() as stack:
        entries = []
        for name, hookwright in ((OFF, WITHOUT_REPORTS), (ON, ONE_PROCESS)):
            site = await stack.enter_async_context(running_site(hookwright=hookwright))
            entries.append(Entry(name, site, Deliveries(FAN_OUT, IN_FLIGHT), events))
        machine = facts(site.server_version)
        outcomes = await compare(entries, rounds)
    rows = [
        [
            name,
            f"{outcome.ratio(outcomes[OFF]):.3f}",
            f"{(outcome.cpu_ms_total() or 0) / FAN_OUT:.1f} ms",
        ]
        for name, outcome in outcomes.items()
    ]
    return f"{facts_table(machine)}\n\n{table(('', 'rate', 'CPU a delivery'), rows)}"


async def report_nothing(*_: object) -> None:
    """Do nothing instead of reporting an attempt."""


def main() -> None:
    """Read the options, run the benchmark and print the report."""
    if sys.argv[1:2] == [SERVE]:  # this is the process of the site without reports
        setattr(DeliveryReports, "attempted", report_nothing)  # noqa: B010 - for the type checker
        app()
    parser = argparse.ArgumentParser(prog="python -m bench.health", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="number of rounds (default: 9)")
    parser.add_argument("--events", type=int, default=12, help="events in a round (default: 12)")
    options = parser.parse_args()
    print(asyncio.run(run(options.rounds, options.events)))


if __name__ == "__main__":
    main()
