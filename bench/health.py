"""`python -m bench.health`: it measures the cost of health reports when the receiver is healthy.

Two complete sites take turns. The worker of one of them sends no health reports to endpoints.
"""

import argparse
import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from bench.compare import Entry, compare
from bench.machine import facts
from bench.report import facts_table, table
from bench.scenarios import Deliveries
from bench.site import running_site
from runtime.dev import EmbeddedServer, free_port

OFF, ON = "health off", "health on"
FAN_OUT, IN_FLIGHT = 20, 4


async def run(rounds: int, events: int) -> str:
    """Run the benchmark and return the report."""
    async with AsyncExitStack() as stack:
        entries = []
        for name, options in ((OFF, ["--no-health-reports"]), (ON, [])):
            state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = EmbeddedServer(state, free_port())
            site = await stack.enter_async_context(running_site(server, worker_options=options))
            entries.append(Entry(name, site, Deliveries(FAN_OUT, IN_FLIGHT), events))
        machine = facts(site.server_version)
        outcomes = await compare(entries, rounds)
    rows = [
        [name, f"{outcome.ratio(outcomes[OFF]):.3f}", f"{outcome.cpu_ms_total():.1f} ms"]
        for name, outcome in outcomes.items()
    ]
    return f"{facts_table(machine)}\n\n{table(('', 'rate', 'CPU a delivery'), rows)}"


def main() -> None:
    """Read the options, run the benchmark and print the report."""
    parser = argparse.ArgumentParser(prog="python -m bench.health", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="number of rounds (default: 9)")
    parser.add_argument("--events", type=int, default=12, help="events in a round (default: 12)")
    options = parser.parse_args()
    print(asyncio.run(run(options.rounds, options.events)))


if __name__ == "__main__":
    main()
