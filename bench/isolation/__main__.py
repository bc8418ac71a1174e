"""`python -m bench.isolation`: it measures what one tenant can do to the others.

Each row runs on a new embedded server, with API and worker as `hookwright serve`. A small tenant's
events are measured alone, and then beside what another tenant does.
"""

import argparse
import asyncio
import dataclasses
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.isolation.measured import SMALL, Result, Row, Sizes
from bench.isolation.report import draw, report
from bench.isolation.rows import ROWS
from bench.machine import facts
from bench.report.files import RESULTS, new_report, say


def options() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(prog="python -m bench.isolation", description=__doc__)
    keys = [row.key for row in ROWS]
    parser.add_argument("--rows", nargs="+", choices=keys, default=keys, help="only these rows")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, which say whether everything works"
    )
    for each in dataclasses.fields(Sizes):
        full, quick = getattr(Sizes(), each.name), getattr(SMALL, each.name)
        parser.add_argument(
            f"--{each.name.replace('_', '-')}",
            type=type(full),
            help=f"(default: {full:,}, with --quick {quick:,})",
        )
    parser.add_argument(
        "--out", type=Path, help="the file to write (default: docs/benchmarks/<date>-isolation.md)"
    )
    return parser


def sizes(chosen: argparse.Namespace) -> Sizes:
    """Return the sizes that the options ask for."""
    names = [each.name for each in dataclasses.fields(Sizes)]
    given = {name: getattr(chosen, name) for name in names if getattr(chosen, name) is not None}
    return dataclasses.replace(SMALL if chosen.quick else Sizes(), **given)


async def run(rows: Sequence[Row], wanted: Sizes, keep: Callable[[Sequence[Result]], None]) -> None:
    """Measure rows, one after the other. After each of them `keep` gets all results so far."""
    results = []
    for row in rows:
        say(row.title)
        result = await row.run(wanted)
        for each in result.requirements:
            say("  " + " | ".join(each.row()))
        say(f"  {result.measured.notes}")
        results.append(result)
        keep(results)


def main() -> None:
    """Read the options, measure the rows, write the report with its plot, and print it.

    The files are written after each row, so a run that is broken off leaves what it has measured.
    """
    chosen = options().parse_args()
    machine, texts = facts("embedded"), [""]
    command = " ".join(("python -m bench.isolation", *sys.argv[1:]))
    out = chosen.out
    if not out and not chosen.quick:
        out = new_report(RESULTS, f"{datetime.now(UTC):%Y-%m-%d}-isolation")

    def keep(results: Sequence[Result]) -> None:
        plot = out and out.with_suffix(".png")
        texts.append(report(results, machine, command, plot and plot.name))
        if out:
            out.write_text(texts[-1] + "\n", encoding="utf-8")
            draw(results, plot)

    asyncio.run(run([row for row in ROWS if row.key in chosen.rows], sizes(chosen), keep))
    print(texts[-1])


if __name__ == "__main__":
    main()
