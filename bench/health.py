"""`python -m bench.health`: what an endpoint's health costs deliveries to a healthy receiver.

Two servers with everything beside them take turns; the worker of one tells endpoints nothing.
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
from bench.site import site
from runtime.dev import EmbeddedServer, free_port

OFF, ON = "health off", "health on"
FAN_OUT, IN_FLIGHT = 20, 4


async def run(rounds: int, events: int) -> str:
    """Measure; return the report."""
    async with AsyncExitStack() as stack:
        entries = []
        for name, options in ((OFF, ["--deaf"]), (ON, [])):
            state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = EmbeddedServer(state, free_port())
            at = await stack.enter_async_context(site(server, worker_options=options))
            entries.append(Entry(name, at, Deliveries(FAN_OUT, IN_FLIGHT), events))
        machine = facts(at.server_version)
        outcomes = await compare(entries, rounds)
    rows = [
        [name, f"{it.ratio(outcomes[OFF]):.3f}", f"{it.cpu_ms_total():.1f} ms"]
        for name, it in outcomes.items()
    ]
    return f"{facts_table(machine)}\n\n{table(('', 'rate', 'CPU a delivery'), rows)}"


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.health", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each kind (default: 9)")
    parser.add_argument("--events", type=int, default=12, help="events a round (default: 12)")
    options = parser.parse_args()
    print(asyncio.run(run(options.rounds, options.events)))


if __name__ == "__main__":
    main()
