"""`python -m breaks`: break a copy of the code in each way of the catalogue, and run its tests.

It exits with 1 if a break survives its tests, or if the code is not as the catalogue says.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from breaks import page
from breaks.catalogue import Break, BreakError, Catalogue
from breaks.trial import Copy, not_green, verdict

CAUGHT = "caught"


def main() -> int:
    """Try the breaks that the command line names, or all; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m breaks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="breaks to try; all by default")
    parser.add_argument("--page", action="store_true", help="only write the tables of the page")
    parser.add_argument("--keep", type=Path, help="copy the code to this new folder, and keep it")
    given = parser.parse_args()
    catalogue = Catalogue.read()
    if given.page:
        page.write(catalogue)
        return 0
    if unknown := [name for name in given.names if name not in catalogue.by_name]:
        parser.error(f"there is no break {', '.join(unknown)}")
    breaks = [catalogue.by_name[name] for name in given.names] or catalogue.breaks
    if given.keep:
        given.keep.mkdir(parents=True)
        return try_all(breaks, given.keep.resolve())
    with TemporaryDirectory(prefix="hookwright-breaks-") as folder:
        return try_all(breaks, Path(folder).resolve())


def try_all(breaks: list[Break], folder: Path) -> int:
    """Try breaks one after the other in a copy of the working tree; return the exit code."""
    copy = Copy.of_working_tree(folder)
    tests = [test for each in breaks for test in each.caught_by]
    if faults := not_green(tests, copy.run(tests)):
        print("Mend these first: without a break", *faults, sep="\n  ")
        return 1
    width = max(len(each.name) for each in breaks)
    survivors = 0
    for each in breaks:
        began = time.monotonic()
        faults = attempt(copy, each)
        survivors += bool(faults)
        seconds = time.monotonic() - began
        said = "; ".join(faults) or CAUGHT
        print(f"{each.name:<{width}}  {seconds:5.1f} s  {said}", flush=True)
    print(f"{len(breaks) - survivors} of {len(breaks)} breaks were caught.")
    return 1 if survivors else 0


def attempt(copy: Copy, it: Break) -> list[str]:
    """Try one break; return what is wrong, which is nothing if all its tests notice it."""
    try:
        with copy.broken(it):
            report = copy.run(it.caught_by)
    except BreakError as error:
        return [str(error)]
    return verdict(it, report)


if __name__ == "__main__":
    sys.exit(main())
