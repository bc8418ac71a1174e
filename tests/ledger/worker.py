"""`python -m ledger.worker NAMES`: `hookwright worker`, which looks up names in the file NAMES."""

import sys
from pathlib import Path

from ledger.names import Names
from runtime.cli import app

if __name__ == "__main__":
    Names(Path(sys.argv[1])).take_over()
    app(["worker"])
