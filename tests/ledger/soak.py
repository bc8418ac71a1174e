"""`python -m ledger.soak`: an hour of steady load, and whether the memory of any process grows.

The first half of the time is left out: caches fill up, and a worker keeps replies for an hour. Then
the median of the last quarter is compared with that of the quarter before.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import psutil

from bench.machine import MemoryWatch, watched_memory
from bench.report.tables import table
from ledger.report import report
from ledger.rules import breaches
from ledger.run import Options, run
from ledger.site import Site

FLAT_PERCENT, FLAT_MB = 5.0, 5.0
"""Growth from the third to the fourth quarter that is none: either of both, or less."""

Samples = Sequence[Mapping[str, float]]


def quarters(samples: Samples, part: str) -> list[float]:
    """Return the median memory of a part in each quarter of the time."""
    length = max(1, len(samples) // 4)
    return [
        median(sample[part] for sample in samples[length * n : length * (n + 1)]) for n in range(4)
    ]


def is_flat(before: float, after: float) -> bool:
    """Return whether memory did not grow from one quarter to the next."""
    return after - before <= max(FLAT_MB, before * FLAT_PERCENT / 100)


def memory_table(samples: Samples) -> str:
    """Return the table of each part's memory."""
    rows = []
    for part in samples[0]:
        figures = quarters(samples, part)
        verdict = "flat" if is_flat(*figures[-2:]) else "grows"
        rows.append([part, *(f"{figure:.0f}" for figure in figures), verdict])
    return table(("memory (PSS), MB", "1st quarter", "2nd", "3rd", "4th", ""), rows)


async def soak(options: Options, folder: Path) -> bool:
    """Soak a site, print what was found, and return whether all was well."""
    watches: list[MemoryWatch] = []

    @asynccontextmanager
    async def watched(site: Site) -> AsyncIterator[None]:
        groups = {name: [psutil.Process(part.process.pid)] for name, part in site.parts.items()}
        async with watched_memory(groups) as watch:
            watches.append(watch)
            yield

    book = await run(options, folder, beside=watched)
    found = breaches(book)
    samples = [sizes for _, sizes in watches[0].samples]
    print(f"{report(book, found)}\n\n{memory_table(samples)}")
    is_steady = all(is_flat(*quarters(samples, part)[-2:]) for part in samples[0])
    return is_steady and not any(found.values())


def main() -> None:
    """Read the options, and soak. The exit code is 1 if memory grows, or a rule is broken."""
    parser = argparse.ArgumentParser(prog="python -m ledger.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="default: 60")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=5.0, help="events a second (default: 5)")
    parser.add_argument(
        "--settle",
        type=float,
        default=Options().settle_seconds,
        help="seconds to wait for the next end of a delivery",
    )
    parser.add_argument("--folder", type=Path, help="where the files of the run are to stay")
    asked = parser.parse_args()
    options = Options(
        seed=asked.seed,
        seconds=60 * asked.minutes,
        rate=asked.rate,
        settle_seconds=asked.settle,
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        well = asyncio.run(soak(options, folder))
    sys.exit(not well)


if __name__ == "__main__":
    main()
