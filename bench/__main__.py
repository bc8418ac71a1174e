"""`python -m bench`: it compares bare Temporal workflows with Hookwright on one server."""

import argparse
import asyncio
import dataclasses
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from bench.report.files import RESULTS, new_report, say
from bench.report.plots import draw_plots
from bench.report.requirements import requirements, requirements_table
from bench.report.tables import (
    costs_table,
    facts_table,
    histories_table,
    latencies_table,
    memory_table,
    number,
    posts_table,
    rates_table,
)
from bench.run import QUICK, Plan, Results, run
from bench.site import GivenServer

SIZES = {
    "rounds": "rounds in which the scenarios take turns",
    "events": "bare workflows, and events at fan-out 1, in a round",
    "wide_events": "events at fan-out 20 in a round",
    "widest_events": "events at fan-out 200 in a round",
    "idle_events": "events and bare workflows one at a time",
    "paced_seconds": "seconds of half load",
    "connections": "connections of an open flood",
    "flood": "events of the open flood at fan-out 1",
    "wide_flood": "events of the open flood at fan-out 20",
    "dev_flood": "events of the flood in which the memory of `hookwright dev` is measured",
}


def options() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a short run of rough figures, which is not kept"
    )
    for name, meaning in SIZES.items():
        full, quick = getattr(Plan(), name), getattr(QUICK, name)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=type(full),
            help=f"{meaning} (default: {full}, with --quick {quick})",
        )
    parser.add_argument("--temporal-address", help="a Temporal that runs already, as HOST:PORT")
    parser.add_argument(
        "--namespace", default="", help="its namespace, which is set up (default: a new one)"
    )
    parser.add_argument(
        "--server-pid",
        type=int,
        nargs="+",
        default=[],
        help="processes of that Temporal and of its database, with all their children",
    )
    parser.add_argument(
        "--out", type=Path, help="the file to write (default: docs/benchmarks/<date>.md)"
    )
    return parser


def plan(chosen: argparse.Namespace) -> Plan:
    """Return the plan that the options ask for."""
    sizes = {name: getattr(chosen, name) for name in SIZES}
    given = {name: size for name, size in sizes.items() if size is not None}
    return dataclasses.replace(QUICK if chosen.quick else Plan(), **given)


def report(results: Results, command: str, plots: Mapping[str, Path]) -> str:
    """Return the report of a benchmark, as markdown."""
    metered = number(results.idle_metered, 2)
    return "\n\n".join(
        (
            f"# Benchmark of {datetime.now(UTC):%Y-%m-%d}",
            f"`{command}`. [How to read it](README.md).",
            facts_table(results.facts),
            "## What must be reached",
            requirements_table(requirements(results)),
            *(f"![{title}]({path.name})" for title, path in plots.items()),
            "## How fast",
            rates_table(results),
            "## How long it takes",
            latencies_table(results),
            "## What it costs",
            costs_table(results),
            "## What it stores",
            histories_table(results),
            f"The server's own metric `action` at fan-out 1, one at a time: {metered} an event.",
            "## What is sent",
            posts_table(results),
            "## Memory",
            memory_table(results),
        )
    )


def main() -> None:
    """Read the options, run the benchmark, print the report and write it with its plots."""
    chosen = options().parse_args()
    address = chosen.temporal_address
    given = address and GivenServer(address, chosen.namespace, tuple(chosen.server_pid))
    results = asyncio.run(run(plan(chosen), given or None, say))
    out = chosen.out
    if not out and not chosen.quick:
        out = new_report(RESULTS, f"{datetime.now(UTC):%Y-%m-%d}")
    plots = draw_plots(results, out.with_suffix("")) if out else {}
    text = report(results, " ".join(("python -m bench", *sys.argv[1:])), plots)
    print(text)
    if out:
        out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
