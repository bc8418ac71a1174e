"""`python -m ledger.check FOLDER`: judge the files of a run again.

The exit code is 1 if a rule is broken. Of a run that was broken off, only
publishes, POSTs and faults are judged.
"""

import argparse
import sys
from pathlib import Path

from ledger.book import Book
from ledger.report import report
from ledger.rules import breaches


def main() -> None:
    """Read the folder, and print the report."""
    parser = argparse.ArgumentParser(prog="python -m ledger.check", description=__doc__)
    parser.add_argument("folder", type=Path, help="what was given to a run as its --folder")
    book = Book.read(parser.parse_args().folder)
    found = breaches(book)
    print(report(book, found))
    sys.exit(any(found.values()))


if __name__ == "__main__":
    main()
