"""`python -m ledger`: a run of the harness. The exit code is 1 if a rule is broken."""

import argparse
import asyncio
import shlex
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from ledger.book import Book
from ledger.faults import FAULTS
from ledger.given_server import GivenServer
from ledger.operating import ShiftClock, Starve
from ledger.report import report
from ledger.rules import breaches
from ledger.run import Options, run


def faults_of(text: str, *, embedded: bool) -> list[str]:
    """Return the names of faults: those that a text lists, all that there are, or none.

    Only the embedded server can be starved of what it needs.

    Raises:
        ValueError: the text names something else, or what a fault needs is not installed.
    """
    known = [name for name, it in FAULTS.items() if embedded or not isinstance(it, Starve)]
    names = {"all": known, "none": []}.get(text, text.split(","))
    for name in names:
        if name not in known:
            raise ValueError(f"there is no fault {name} for this server; choose {', '.join(known)}")
    if ShiftClock.name in names and not shutil.which("faketime"):
        raise ValueError(
            f"{ShiftClock.name} needs the program faketime; install Debian's package of that name"
        )
    return names


async def run_until_told(options: Options, folder: Path) -> Book:
    """Do a run. SIGTERM ends its publishing, and what was published until then is judged."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    return await run(options, folder, break_off=told)


def main() -> None:
    """Read the options, run, and print the report."""
    usual = Options()
    parser = argparse.ArgumentParser(prog="python -m ledger", description=__doc__)
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--events", type=int, default=usual.events)
    parser.add_argument("--faults", default="none", help=f"`all`, or some of {', '.join(FAULTS)}")
    parser.add_argument(
        "--pauses",
        type=float,
        nargs=2,
        default=usual.pause_seconds,
        metavar=("SHORTEST", "LONGEST"),
        help="seconds between two faults",
    )
    parser.add_argument("--workers", type=int, default=usual.workers)
    parser.add_argument("--publishers", type=int, default=usual.publishers)
    parser.add_argument("--rate", type=float, default=usual.rate, help="events a second")
    parser.add_argument(
        "--settle",
        type=float,
        default=usual.settle_seconds,
        help="seconds to wait for the next end",
    )
    parser.add_argument(
        "--continue-as-new-every", type=int, metavar="HISTORY_EVENTS", help="usually thousands"
    )
    parser.add_argument(
        "--temporal",
        type=shlex.split,
        metavar="COMMAND",
        help="runs a Temporal server in place of the embedded one",
    )
    parser.add_argument("--temporal-port", type=int, default=7233, help="where it listens")
    parser.add_argument("--folder", type=Path, help="where the files of the run are to stay")
    options = parser.parse_args()
    given = GivenServer(options.temporal, options.temporal_port) if options.temporal else None
    try:
        faults = faults_of(options.faults, embedded=given is None)
    except ValueError as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        book = asyncio.run(
            run_until_told(
                Options(
                    seed=options.seed,
                    events=options.events,
                    faults=faults,
                    workers=options.workers,
                    publishers=options.publishers,
                    rate=options.rate,
                    pause_seconds=options.pauses,
                    settle_seconds=options.settle,
                    continue_as_new_every=options.continue_as_new_every,
                    given_server=given,
                ),
                folder,
            )
        )
    found = breaches(book)
    print(report(book, found))
    sys.exit(any(found.values()))


if __name__ == "__main__":
    main()
